#!/usr/bin/env python3
"""A sink that is down, and what that costs in memory: see README.md.

Usage: backlog.py BIN_FOLDER [--events N]

Flows are started and cancelled, two events each, until N wait for a sink that nobody listens at. Prints the server's
resident memory on the way, and at last how soon the events of another product, whose sink is well, are delivered.
Exits 1 when the memory has grown by more than 16 MB since the first 10,000 events.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import support

# Port 9 of this machine: connections are refused.
DOWN = 'segment {{ endpoint: "http://127.0.0.1:9" write_key {{ file: "{key}" }} }}'
FIRST, ROUND = 10_000, 10_000
MOST_GROWTH = 16.0


class Server:
    def __init__(self, bin_folder: Path, folder: Path):
        key = folder / "write_key"
        key.write_text("a write key")
        well = support.product("well", sink='file { path: "well.jsonl" }')
        config = support.product("down", sink=DOWN.format(key=key)) + well
        self.bin_folder, self.folder = bin_folder, folder
        self.program = support.Authflowd(bin_folder, folder, config)
        self.well = self.program.data / "well.jsonl"

    def flows(self, product: str, count: int):
        tokens = self.folder / "tokens"
        support.load(self.bin_folder, "start", self.program.address, product, count, 64, tokens)
        support.load(self.bin_folder, "finish", self.program.address, tokens, 0, count, 64)

    def waiting(self) -> int:
        return int(self.program.metric('authflow_outbox_events{product="down",state="pending"}'))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_folder", type=Path)
    parser.add_argument("--events", type=int, default=2_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authflow-backlog-") as folder:
        server = Server(arguments.bin_folder, Path(folder))
        server.flows("down", FIRST // 2)
        first, events = server.program.resident(), FIRST
        print(f"{events:9} events wait: {first:6.1f} MB", flush=True)
        while events < arguments.events:
            server.flows("down", ROUND // 2)
            events += ROUND
            print(f"{events:9} events wait: {server.program.resident():6.1f} MB", flush=True)
        waiting, last = server.waiting(), server.program.resident()
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
