#!/usr/bin/env python3
"""Whole logins over the same calls made bare, in turns: see README.md.

Usage: logins.py BIN_FOLDER [--rounds N] [--count N] [--in-flight 64,256] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sys
from pathlib import Path

import provider
import support

GOAL = 0.60
USERS = 500  # of logins.cc: each has an application after the first logins


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    endpoint = provider.TokenEndpoint(arguments.bin_folder, folder)
    server = support.Authflowd(arguments.bin_folder, folder, endpoint.product())
    samples = folder / "samples"
    samples.mkdir()

    def log_in(verb: str, address: str, logins: int, in_flight: int, last) -> dict:
        return support.load(arguments.bin_folder, verb, address, logins, in_flight, last, name="logins")

    log_in("real", server.address, 2 * USERS, 64, samples)
    echo = support.Program(
        [arguments.bin_folder / "tests/bench/echo_server", "127.0.0.1:0", samples], r"READY (\S+)", folder / "echo.log"
    )
    rows = []
    for level in (int(level) for level in arguments.in_flight.split(",")):
        pairs = []
        for _ in range(arguments.rounds):
            bare = log_in("bare", echo.address, arguments.count, level, endpoint.address)
            before = server.cpu_seconds()
            real = log_in("real", server.address, arguments.count, level, samples)
            real["cpu_us"] = (server.cpu_seconds() - before) / arguments.count * 1e6
            pairs.append((bare, real))
        median = {name: support.spread([real[name] for _, real in pairs])["median"] for name in ("per_second", "p99_us", "cpu_us")}
        row = support.Row(
            f"whole logins, {level} in flight",
            "the same calls made bare",
            [real["per_second"] / bare["per_second"] for bare, real in pairs],
            GOAL,
            more={
                "logins a second": round(median["per_second"]),
                "p99 us": round(median["p99_us"]),
                "CPU of the server, us a login": round(median["cpu_us"]),
            },
        )
        print(row.told(), file=sys.stderr)
        rows.append(row)
    for program in (server, echo, endpoint):
        program.end(signal.SIGTERM)
    return rows


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--count", type=int, default=5000, help="a round")
    parser.add_argument("--in-flight", default="64,256")


if __name__ == "__main__":
    sys.exit(support.run(measure, "Whole logins: so many a second over those of the same calls made bare", add_arguments))
