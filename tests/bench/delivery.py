#!/usr/bin/env python3
"""Events delivered while 64 callers record, over recording with a sink that nobody listens at: see README.md.

Usage: delivery.py BIN_FOLDER [--rounds N] [--flows N] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sys
import time
import urllib.request
from pathlib import Path

import support

HERE = Path(__file__).resolve().parent
# Port 9 of this machine: connections are refused.
DOWN = "http://127.0.0.1:9"
IN_FLIGHT = 64
OLDEST = 2.0  # s


class Recorder:
    """A server whose events go to `endpoint`."""

    def __init__(self, bin_folder: Path, folder: Path, endpoint: str):
        folder.mkdir()
        key = folder / "write_key"
        key.write_text("a write key")
        self.bin_folder, self.tokens = bin_folder, folder / "tokens"
        sink = f'segment {{ endpoint: "{endpoint}" write_key {{ file: "{key}" }} }}'
        self.program = support.Authflowd(bin_folder, folder, support.product(sink=sink))

    def record(self, flows: int) -> float:
        """Starts and cancels flows, two events each; calls a second."""
        address = self.program.address
        started = support.load(self.bin_folder, "start", address, "bench", flows, IN_FLIGHT, self.tokens)
        ended = support.load(self.bin_folder, "finish", address, self.tokens, 0, flows, IN_FLIGHT)
        return 2 * flows / (started["seconds"] + ended["seconds"])

    def oldest(self) -> float:
        """Age of the oldest event that waits, in seconds."""
        return self.program.metric('authflow_outbox_oldest_age_seconds{product="bench"}')


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    receiver = support.Program([sys.executable, HERE / "receiver.py"], r"READY (\S+)", folder / "receiver.log")
    alone = Recorder(arguments.bin_folder, folder / "alone", DOWN)
    beside = Recorder(arguments.bin_folder, folder / "beside", receiver.address)
    alone.record(1000)
    beside.record(1000)
    ratios, ages, rates = [], [], []

    def delivered() -> int:
        return int(urllib.request.urlopen(f"{receiver.address}/count").read())

    for _ in range(arguments.rounds):
        rate = alone.record(arguments.flows)
        beside.program.wait_until_delivered()
        before, begun = delivered(), time.monotonic()
        ratios.append(beside.record(arguments.flows) / rate)
        rates.append((delivered() - before) / (time.monotonic() - begun))
        ages.append(beside.oldest())
    events = 2 * (1000 + arguments.rounds * arguments.flows)
    left = events - delivered()
    beside.program.wait_until_delivered()
    if delivered() < events:
        sys.exit(f"bench: {events - delivered()} of {events} events were not delivered")
    for program in (beside.program, alone.program, receiver):
        program.end(signal.SIGTERM)
    return [
        support.Row(
            "recording beside delivery",
            "recording with a sink that is down",
            ratios,
            0.85,
            more={"events delivered a second": round(support.spread(rates)["median"]), "events left at the end": left},
        ),
        support.Row(
            "age of the oldest event after each round",
            f"{OLDEST:g} s",
            [age / OLDEST for age in ages],
            1,
            at_most=True,
            more={"seconds": ", ".join(f"{age:.2f}" for age in ages)},
        ),
    ]


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--flows", type=int, default=30000, help="a round")


if __name__ == "__main__":
    sys.exit(support.run(measure, "Recording while events are delivered", add_arguments))
