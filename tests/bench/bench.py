#!/usr/bin/env python3
"""Measures authflowd against a bare gRPC echo in the same run, alternating: see README.md.

Usage: bench.py BIN_FOLDER [--rounds N] [--calls N] [--in-flight 64,256,1024] [--tls] [--json FILE] [--svg FILE]
"""

import argparse
import json
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import chart

CONFIG = """
products {
  id: "bench"
  provider {
    endpoints { authorization: "https://id.example/authorize" token: "https://id.example/token" }
    client_id: "bench-cli"
    identity { source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER }
  }
  applications { none {} }
  sink { file { path: "events.jsonl" } }
}
"""
ENTERED = 3  # the kind of a step's entry in the log


class Program:
    """A server that says when it is ready."""

    def __init__(self, arguments: list, ready: str, log: Path):
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        line = self.process.stdout.readline()
        found = re.search(ready, line)
        if not found:
            sys.exit(f"bench: {arguments[0]} did not start: {line!r}, see {log}")
        self.address = found[1]

    def end(self, how: int):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()
        self._log.close()


def load(bin_folder: Path, *arguments) -> dict:
    command = [str(bin_folder / "tests/bench/load"), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} exited with {done.returncode}: {done.stdout}")
    return json.loads(done.stdout)


class Tls:
    """A certificate for localhost, which is its own authority."""

    def __init__(self, folder: Path):
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run([*command, "-keyout", self.key, "-out", self.certificate], check=True, stderr=subprocess.DEVNULL)


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} x {model[1] if model else 'unknown'}"


def spread(values: list[float]) -> dict:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def measure(arguments: argparse.Namespace, folder: Path) -> dict:
    levels = [int(level) for level in arguments.in_flight.split(",")]
    flows = arguments.calls * arguments.rounds * len(levels) + 1000
    data = folder / "data"
    config = folder / "authflowd.txtpb"
    config.write_text(CONFIG)
    tokens = folder / "tokens"
    tls = Tls(folder) if arguments.tls else None
    authority = [tls.certificate] if tls else []
    command = [arguments.bin_folder / "server/authflowd", "--config", config, "--data", data]
    command += ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
    command += ["--tls-cert", tls.certificate, "--tls-key", tls.key] if tls else []
    server = Program(command, r"ready grpc=(\S+)", folder / "authflowd.log")

    def step(program: Program, start: int, calls: int, in_flight: int) -> dict:
        return load(arguments.bin_folder, "step", program.address, tokens, start, calls, in_flight, *authority)

    started = load(arguments.bin_folder, "start", server.address, "bench", flows, 256, tokens, *authority)
    print(f"{flows} live flows: {started['per_second']:.0f} StartFlow a second", file=sys.stderr)
    warm = step(server, 0, 1000, 64)
    stepped = 1000
    echo = Program(
        [arguments.bin_folder / "tests/bench/echo_server", "127.0.0.1:0", warm["response_bytes"]]
        + ([tls.certificate, tls.key] if tls else []),
        r"READY (\S+)",
        folder / "echo.log",
    )
    result = {"machine": machine(), "tls": bool(tls), "live_flows": flows, "start_flow_per_second": started["per_second"], "levels": []}
    for level in levels:
        pairs = []
        for _ in range(arguments.rounds):
            bare = step(echo, stepped, arguments.calls, level)
            durable = step(server, stepped, arguments.calls, level)
            stepped += arguments.calls
            pairs.append((bare, durable))
        row = {
            "in_flight": level,
            "ratio": spread([durable["per_second"] / bare["per_second"] for bare, durable in pairs]),
            "echo_per_second": spread([bare["per_second"] for bare, _ in pairs]),
            "durable_per_second": spread([durable["per_second"] for _, durable in pairs]),
            "durable_p99_us": spread([durable["p99_us"] for _, durable in pairs]),
        }
        result["levels"].append(row)
        print(
            f"{level:5} in flight: durable/echo {row['ratio']['median']:.2f}"
            f" ({row['ratio']['min']:.2f} to {row['ratio']['max']:.2f}),"
            f" {row['durable_per_second']['median']:.0f} of {row['echo_per_second']['median']:.0f} a second",
            file=sys.stderr,
        )
    # What was acknowledged is there, whatever happened to the server.
    server.end(signal.SIGKILL)
    echo.end(signal.SIGTERM)
    with sqlite3.connect(data / "authflow.db") as database:
        (kept,) = database.execute("SELECT count(*) FROM log WHERE kind = ?", (ENTERED,)).fetchone()
    result["acknowledged"] = stepped
    result["in_the_database_after_kill_9"] = kept
    return result


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20000)
    parser.add_argument("--in-flight", default="64,256,1024")
    parser.add_argument("--tls", action="store_true", help="both sides over TLS")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authflow-bench-") as folder:
        result = measure(arguments, Path(folder))
    text = json.dumps(result, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    if arguments.svg:
        arguments.svg.write_text(chart.draw(result))
    print(text)
    if result["acknowledged"] != result["in_the_database_after_kill_9"]:
        print("bench: acknowledged steps are missing from the database", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
