#!/usr/bin/env python3
"""The server's memory under a mixed load of many minutes: see README.md.

Usage: memory.py BIN_FOLDER [--minutes N] [--each-second N] [--json FILE] [--svg FILE] [--plot FILE]
"""

import argparse
import signal
import sys
import time
from collections import deque
from pathlib import Path

import plot
import support

LIVE_SECONDS = 20  # between a flow's start, its step and its end


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    server = support.Authflowd(arguments.bin_folder, folder, support.product())
    count, seconds = arguments.each_second, arguments.minutes * 60
    samples: list[tuple[float, float]] = []
    started: deque[Path] = deque()
    made = {"start": 0, "step": 0, "finish": 0}

    def load(verb: str, *what):
        support.load(arguments.bin_folder, verb, server.address, *what)
        made[verb] += count

    begun = time.monotonic()
    for turn in range(int(seconds)):
        tokens = folder / f"tokens{turn}"
        load("start", "bench", count, 16, tokens)
        started.append(tokens)
        if len(started) > LIVE_SECONDS:
            load("step", started[LIVE_SECONDS // 2], 0, count, 16)
            load("finish", started[0], 0, count, 16)
            started.popleft().unlink()
        samples.append(((time.monotonic() - begun) / 60, server.resident()))
        time.sleep(max(0.0, begun + turn + 1 - time.monotonic()))
        if time.monotonic() - begun > seconds:
            break
    lasted = time.monotonic() - begun
    server.wait_until_delivered()
    server.end(signal.SIGTERM)
    if arguments.plot:
        arguments.plot.write_text(plot.draw(f"Resident memory of authflowd, {made['start'] / lasted:.0f} flows a second", samples))
    # By then the cache of flows is as full as it gets.
    first, last = support.settled_and_last([megabytes for _, megabytes in samples])
    return [
        support.Row(
            f"Resident memory in the last fifth of {lasted / 60:.0f} minutes",
            "in the second fifth",
            [last / first],
            1.05,
            at_most=True,
            more={
                "MB": f"{first:.1f} and {last:.1f}, most {max(m for _, m in samples):.1f}",
                "calls": ", ".join(f"{number} {verb}" for verb, number in made.items()),
                "database, MB": round((server.data / "authflow.db").stat().st_size / 1e6),
                "sink, MB": round((server.data / "events.jsonl").stat().st_size / 1e6),
            },
        )
    ]


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--each-second", type=int, default=300, help="flows that start, as many that step and end")
    parser.add_argument("--plot", type=Path, help="an SVG file")


if __name__ == "__main__":
    sys.exit(support.run(measure, "The server's memory under a mixed load", add_arguments))
