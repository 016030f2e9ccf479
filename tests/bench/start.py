#!/usr/bin/env python3
"""From exec to the first answer, with many stored flows: see README.md.

Usage: start.py BIN_FOLDER [--rounds N] [--stored N] [--json FILE] [--svg FILE]
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import fill
import grpc
import support

SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse
CRASHED_AFTER = 8000  # flows, so that the write-ahead log is about as long as it gets


class Started:
    """A server, and how long it took until it answered."""

    def __init__(self, bin_folder: Path, folder: Path):
        _forget(folder / "data")
        begun = time.monotonic()
        self.server = support.Authflowd(bin_folder, folder, support.product())
        with grpc.insecure_channel(self.server.address) as channel:
            answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=60, wait_for_ready=True)
        self.seconds = time.monotonic() - begun
        if answer != SERVING:
            sys.exit(f"bench: the server is not healthy: {answer!r}")


def _forget(data: Path):
    """Takes a folder's files out of the page cache, as after a boot."""
    for path in data.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    empty, full = folder / "empty", folder / "full"
    for path in (empty, full):
        path.mkdir()
    support.Authflowd(arguments.bin_folder, empty, support.product()).end(signal.SIGTERM)
    begun = time.monotonic()
    fill.ended(arguments.bin_folder, full, support.product(), arguments.stored)
    size = (full / "data/authflow.db").stat().st_size / 1e6
    print(f"{arguments.stored} ended flows, {size:.0f} MB, made in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    rounds = []
    for _ in range(arguments.rounds):
        without = Started(arguments.bin_folder, empty)
        without.server.end(signal.SIGTERM)
        stopped = Started(arguments.bin_folder, full)
        support.load(arguments.bin_folder, "start", stopped.server.address, "bench", CRASHED_AFTER, 64, folder / "tokens")
        stopped.server.end(signal.SIGKILL)
        crashed = Started(arguments.bin_folder, full)
        crashed.server.end(signal.SIGTERM)
        rounds.append((without.seconds, stopped.seconds, crashed.seconds))
        print(f"an empty store, a full one, a full one after kill -9: {rounds[-1]}", file=sys.stderr)
    what = f"exec to an answer with {arguments.stored} stored flows"
    more = {"MB": round(size), "ms": round(support.spread([full for _, full, _ in rounds])["median"] * 1000)}
    killed = {"ms": round(support.spread([crashed for *_, crashed in rounds])["median"] * 1000)}
    return [
        support.Row(what, "0.5 s", [full / 0.5 for _, full, _ in rounds], 1.0, at_most=True, more=more),
        support.Row(what, "with an empty store", [full / empty for empty, full, _ in rounds]),
        support.Row(f"{what}, after kill -9", "0.5 s", [crashed / 0.5 for *_, crashed in rounds], 1.0, at_most=True, more=killed),
    ]


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--stored", type=int, default=1_000_000, help="ended flows")


if __name__ == "__main__":
    sys.exit(support.run(measure, "From exec to the first answer, with many stored flows", add_arguments))
