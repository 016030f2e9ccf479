#!/usr/bin/env python3
"""What a flow costs when many are stored, over few: see README.md.

Usage: stored.py BIN_FOLDER [--rounds N] [--stored 10000,1000000] [--flows N] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import fill
import support

IN_FLIGHT = 64
MOST = 1.2
IDLE = 20  # s
MOST_IDLE = 0.01  # of a core


class Store:
    """A server with so many ended flows."""

    def __init__(self, bin_folder: Path, folder: Path, stored: int):
        folder.mkdir()
        self.bin_folder, self.stored, self.tokens = bin_folder, stored, folder / "tokens"
        begun = time.monotonic()
        fill.ended(bin_folder, folder, support.product(), stored)
        print(f"{stored} flows stored in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        self.program = support.Authflowd(bin_folder, folder, support.product())
        self.flow(1000)

    def flow(self, flows: int) -> tuple[float, float]:
        """Whole flows: start, step, cancel. Seconds, and seconds of the server's CPU, of one."""
        address, cpu = self.program.address, self.program.cpu_seconds()
        done = [
            support.load(self.bin_folder, "start", address, "bench", flows, IN_FLIGHT, self.tokens),
            support.load(self.bin_folder, "step", address, self.tokens, 0, flows, IN_FLIGHT),
            support.load(self.bin_folder, "finish", address, self.tokens, 0, flows, IN_FLIGHT),
        ]
        self.program.wait_until_delivered()
        return sum(calls["seconds"] for calls in done) / flows, (self.program.cpu_seconds() - cpu) / flows


    def idle(self) -> float:
        """The share of a core that ticks take (overdue, retention, lanes, counts) when nobody calls."""
        time.sleep(2)
        cpu, begun = self.program.cpu_seconds(), time.monotonic()
        time.sleep(IDLE)
        return (self.program.cpu_seconds() - cpu) / (time.monotonic() - begun)


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    stores = [Store(arguments.bin_folder, folder / stored, int(stored)) for stored in arguments.stored.split(",")]
    idle = [store.idle() for store in stores]
    costs = [[store.flow(arguments.flows) for store in stores] for _ in range(arguments.rounds)]
    for store in stores:
        store.program.end(signal.SIGTERM)
    rows = []
    for index, store in enumerate(stores[1:], 1):
        for which, name in enumerate(("time", "CPU of the server")):
            rows.append(
                support.Row(
                    f"{name} of a flow, {store.stored:,} stored",
                    f"with {stores[0].stored:,}",
                    [round_[index][which] / round_[0][which] for round_ in costs],
                    MOST,
                    at_most=True,
                    more={"us": round(support.spread([round_[index][which] for round_ in costs])["median"] * 1e6)},
                )
            )
        rows.append(
            support.Row(
                f"CPU when idle, {store.stored:,} stored",
                "1 % of a core",
                [idle[index] / MOST_IDLE],
                1,
                at_most=True,
                more={"%": round(100 * idle[index], 2), f"% with {stores[0].stored:,}": round(100 * idle[0], 2)},
            )
        )
    return rows


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--stored", default="10000,1000000", help="the first is the reference; 10000000 takes 7 GB")
    parser.add_argument("--flows", type=int, default=10000, help="a round")


if __name__ == "__main__":
    sys.exit(support.run(measure, "A flow when many are stored over one when few are", add_arguments))
