#!/usr/bin/env python3
"""ExchangeCode at a slow provider over the ideal: see README.md.

Usage: exchange.py BIN_FOLDER [--rounds N] [--seconds N] [--latency MS] [--in-flight 512,2000] [--json FILE] [--svg FILE]
"""

import argparse
import resource
import signal
import sys
from pathlib import Path

import provider
import support

GOALS = {512: 0.97, 2000: 0.88}


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    # Each exchange in flight has a connection of its own: the 1024 files of a shell would not do.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    endpoint = provider.TokenEndpoint(arguments.bin_folder, folder, arguments.latency)
    server = support.Authflowd(arguments.bin_folder, folder, endpoint.product())
    support.load(arguments.bin_folder, "exchange", server.address, 64, 64, name="logins")  # discovery, keys
    rows = []
    for level in (int(level) for level in arguments.in_flight.split(",")):
        ideal = level / arguments.latency * 1000
        exchanges = level * max(1, round(arguments.seconds * 1000 / arguments.latency))
        runs = [
            support.load(arguments.bin_folder, "exchange", server.address, exchanges, level, name="logins")
            for _ in range(arguments.rounds)
        ]
        median = {name: support.spread([run[name] for run in runs])["median"] for name in ("per_second", "p50_us", "p99_us")}
        row = support.Row(
            f"ExchangeCode, the provider takes {arguments.latency} ms, {level} in flight",
            "in flight / latency",
            [run["per_second"] / ideal for run in runs],
            GOALS.get(level),
            more={
                "exchanges a second": round(median["per_second"]),
                "p50 ms": round(median["p50_us"] / 1000),
                "p99 ms": round(median["p99_us"] / 1000),
                "server, MB": round(server.resident()),
            },
        )
        print(row.told(), file=sys.stderr)
        rows.append(row)
    for program in (server, endpoint):
        program.end(signal.SIGTERM)
    return rows


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--seconds", type=float, default=8, help="of exchanges, a round")
    parser.add_argument("--latency", type=int, default=200, help="of the token endpoint, in milliseconds")
    parser.add_argument("--in-flight", default="512,2000")


if __name__ == "__main__":
    sys.exit(support.run(measure, "ExchangeCode at a slow provider: exchanges a second over the ideal", add_arguments))
