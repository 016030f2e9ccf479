#!/usr/bin/env python3
"""A sink that is down, and what that costs in memory: see README.md.

Usage: backlog.py BIN_FOLDER [--events N]

Flows are started and cancelled, two events each, until N wait for a sink that nobody listens at. Prints the server's
resident memory on the way, and at last how soon the events of another product, whose sink is well, are delivered.
Exits 1 when the memory has grown by more than 16 MB since the first 10,000 events.
"""

import argparse
import re
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench import Program, load

PRODUCT = """
products {{
  id: "{id}"
  provider {{
    endpoints {{ authorization: "https://id.example/authorize" token: "https://id.example/token" }}
    client_id: "bench-cli"
    identity {{ source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER }}
  }}
  applications {{ none {{}} }}
  sink {{ {sink} }}
}}
"""
# Port 9 of this machine: connections are refused.
DOWN = 'segment {{ endpoint: "http://127.0.0.1:9" write_key {{ file: "{key}" }} }}'
FIRST, ROUND = 10_000, 10_000
MOST_GROWTH = 16.0


class Server:
    def __init__(self, bin_folder: Path, folder: Path):
        key, config = folder / "write_key", folder / "authflowd.conf"
        key.write_text("a write key")
        config.write_text(
            PRODUCT.format(id="down", sink=DOWN.format(key=key)) + PRODUCT.format(id="well", sink='file { path: "well.jsonl" }')
        )
        self.bin_folder, self.folder = bin_folder, folder
        self.well = folder / "data/well.jsonl"
        command = [bin_folder / "server/authflowd", "--config", config, "--data", folder / "data"]
        command += ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
        self.program = Program(command, r"ready (grpc=\S+ http=\S+)", folder / "authflowd.log")
        self.grpc, self.http = re.findall(r"=(\S+)", self.program.address)

    def flows(self, product: str, count: int):
        tokens = self.folder / "tokens"
        load(self.bin_folder, "start", self.grpc, product, count, 64, tokens)
        load(self.bin_folder, "finish", self.grpc, tokens, 0, count, 64)

    def resident(self) -> float:
        status = Path(f"/proc/{self.program.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def waiting(self) -> int:
        text = urllib.request.urlopen(f"http://{self.http}/metrics").read().decode()
        return int(float(re.search(r'authflow_outbox_events\{product="down",state="pending"\} (\S+)', text)[1]))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_folder", type=Path)
    parser.add_argument("--events", type=int, default=2_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authflow-backlog-") as folder:
        server = Server(arguments.bin_folder, Path(folder))
        server.flows("down", FIRST // 2)
        first, events = server.resident(), FIRST
        print(f"{events:9} events wait: {first:6.1f} MB", flush=True)
        while events < arguments.events:
            server.flows("down", ROUND // 2)
            events += ROUND
            print(f"{events:9} events wait: {server.resident():6.1f} MB", flush=True)
        waiting, last = server.waiting(), server.resident()
        begun = time.monotonic()
        server.flows("well", 500)
        while server.well.read_text().count("\n") < 1000:
            time.sleep(0.01)
        print(f"1000 events of a product whose sink is well: recorded and delivered in {time.monotonic() - begun:.1f} s")
        server.program.end(signal.SIGTERM)
    print(f"{waiting} events wait; memory grew by {last - first:.1f} MB since the first {FIRST}")
    return 0 if waiting == events and last - first <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
