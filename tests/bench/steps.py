#!/usr/bin/env python3
"""Durable RecordStep over a bare gRPC echo, in turns: see README.md.

Usage: steps.py BIN_FOLDER [--rounds N] [--calls N] [--in-flight 64,256,1024] [--flows N] [--tls] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import support

ENTERED = 3  # the kind of a step's entry in the log
GOALS = {64: 0.60, 256: 0.75, 1024: 0.75}


class Tls:
    """A certificate for localhost, which is its own authority."""

    def __init__(self, folder: Path):
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run([*command, "-keyout", self.key, "-out", self.certificate], check=True, stderr=subprocess.DEVNULL)


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    levels = [int(level) for level in arguments.in_flight.split(",")]
    flows = max(arguments.flows, arguments.calls * arguments.rounds * len(levels) + 1000)
    tokens = folder / "tokens"
    tls = Tls(folder) if arguments.tls else None
    authority = [tls.certificate] if tls else []
    flags = ["--tls-cert", tls.certificate, "--tls-key", tls.key] if tls else []
    server = support.Authflowd(arguments.bin_folder, folder, support.product(), flags)

    def step(program: support.Program, start: int, calls: int, in_flight: int) -> dict:
        return support.load(arguments.bin_folder, "step", program.address, tokens, start, calls, in_flight, *authority)

    started = support.load(arguments.bin_folder, "start", server.address, "bench", flows, 256, tokens, *authority)
    print(f"{flows} live flows: {started['per_second']:.0f} StartFlow a second", file=sys.stderr)
    warm = step(server, 0, 1000, 64)
    stepped = 1000
    echo = support.Program(
        [arguments.bin_folder / "tests/bench/echo_server", "127.0.0.1:0", warm["response_bytes"]]
        + ([tls.certificate, tls.key] if tls else []),
        r"READY (\S+)",
        folder / "echo.log",
    )
    rows = []
    for level in levels:
        pairs = []
        for _ in range(arguments.rounds):
            bare = step(echo, stepped, arguments.calls, level)
            before = server.cpu_seconds()
            durable = step(server, stepped, arguments.calls, level)
            durable["cpu_us"] = (server.cpu_seconds() - before) / arguments.calls * 1e6
            stepped += arguments.calls
            pairs.append((bare, durable))
        median = {
            name: support.spread([durable[name] for _, durable in pairs])["median"] for name in ("per_second", "p99_us", "cpu_us")
        }
        row = support.Row(
            f"RecordStep{' over TLS' if tls else ''}, {level} in flight",
            "echo",
            [durable["per_second"] / bare["per_second"] for bare, durable in pairs],
            GOALS.get(level),
            more={
                "live flows": flows,
                "steps a second": round(median["per_second"]),
                "p99 us": round(median["p99_us"]),
                "CPU of the server, us a step": round(median["cpu_us"], 1),
            },
        )
        print(row.told(), file=sys.stderr)
        rows.append(row)
    # What was acknowledged is there, whatever happened to the server.
    server.end(signal.SIGKILL)
    echo.end(signal.SIGTERM)
    with sqlite3.connect(server.data / "authflow.db") as database:
        (kept,) = database.execute("SELECT count(*) FROM log WHERE kind = ?", (ENTERED,)).fetchone()
    print(f"{stepped} steps acknowledged, {kept} in the database after kill -9")
    if kept != stepped:
        sys.exit("bench: acknowledged steps are missing from the database")
    return rows


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--calls", type=int, default=20000, help="a round")
    parser.add_argument("--in-flight", default="64,256,1024")
    parser.add_argument("--flows", type=int, default=30000, help="live ones at least")
    parser.add_argument("--tls", action="store_true", help="both sides over TLS")


if __name__ == "__main__":
    sys.exit(support.run(measure, "Durable RecordStep: calls a second over those of a bare echo", add_arguments))
