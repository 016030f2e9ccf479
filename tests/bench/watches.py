#!/usr/bin/env python3
"""Open flows with a watch each, over an idle gRPC server with as many streams: see README.md.

Usage: watches.py BIN_FOLDER [--rounds N] [--watches N] [--connections N] [--seconds N] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import support

MOST_CPU = 0.02  # of a core
FLOW_BYTES = 140  # of a WatchFlow's message


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    bin_folder, count, ratios, cpu, resident, bare = arguments.bin_folder, arguments.watches, [], [], [], []

    def hold(server: support.Program, tokens: Path) -> float:
        """Memory of a server that holds the streams, and says nothing but signs of life."""
        command = [bin_folder / "tests/bench/watches", server.address, tokens, count, arguments.connections]
        streams = support.Program(command, r"READY (\d+)", folder / "watches.log")
        time.sleep(2)  # what opening cost is not idle
        before, begun = server.cpu_seconds(), time.monotonic()
        time.sleep(arguments.seconds)
        server.idle = (server.cpu_seconds() - before) / (time.monotonic() - begun)
        memory = server.resident()
        streams.end(signal.SIGTERM)
        if streams.process.returncode != 0:
            sys.exit("bench: a stream ended by itself")
        return memory

    for number in range(arguments.rounds):
        inside = folder / str(number)
        inside.mkdir()
        tokens = inside / "tokens"
        server = support.Authflowd(bin_folder, inside, support.product())
        support.load(bin_folder, "start", server.address, "bench", count, 64, tokens)
        resident.append(hold(server, tokens))
        cpu.append(server.idle)
        server.end(signal.SIGTERM)
        echo = support.Program(
            [bin_folder / "tests/bench/echo_server", "127.0.0.1:0", FLOW_BYTES], r"READY (\S+)", inside / "echo.log"
        )
        bare.append(hold(echo, tokens))
        echo.end(signal.SIGTERM)
        ratios.append(resident[-1] / bare[-1])
    return [
        support.Row(
            f"memory with {count} watched flows",
            "an idle gRPC server with as many streams",
            ratios,
            1.5,
            at_most=True,
            more={
                "MB": round(support.spread(resident)["median"]),
                "of the bare one": round(support.spread(bare)["median"]),
                "connections": arguments.connections,
            },
        ),
        support.Row(
            f"CPU with {count} watched flows, idle",
            "2 % of a core",
            [share / MOST_CPU for share in cpu],
            1,
            at_most=True,
            more={"% of a core": ", ".join(f"{100 * share:.1f}" for share in cpu)},
        ),
    ]


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--watches", type=int, default=10000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20, help="idle")


if __name__ == "__main__":
    sys.exit(support.run(measure, "Many watched flows over as many idle streams", add_arguments))
