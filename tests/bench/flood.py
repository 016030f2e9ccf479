#!/usr/bin/env python3
"""StartFlow offered beyond what the server can take, over what it can take: see README.md.

Usage: flood.py BIN_FOLDER [--rounds N] [--times X | --callers N] [--seconds N] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import support

PROBED = (64, 256, 1024, 2048)


class Offered:
    """Calls that were offered for some seconds: what became of them, and what the server and the load took."""

    def __init__(self, arguments: argparse.Namespace, server: support.Authflowd, how: str, many: float, seconds: float):
        server.wait_until_delivered()  # each begins with nothing left to do
        before, begun = server.cpu_seconds(), time.monotonic()
        memory = []
        with ThreadPoolExecutor(1) as pool:
            load = (arguments.bin_folder, how, server.address, "bench", many, seconds)
            running = pool.submit(support.load, *load, name="flood")
            while time.monotonic() - begun < seconds:
                memory.append(server.resident())
                time.sleep(0.1)
            self.server_cpu = (server.cpu_seconds() - before) / seconds
            self.of = running.result()
        self.load_cpu = self.of["cpu_seconds"] / seconds
        self.memory_first, self.memory_last = support.settled_and_last(memory)
        print(f"{how} {many:.0f}: {self.of}", file=sys.stderr)


def _both(capacity: float, flood: float) -> str:
    return f"{capacity:.2f} and {flood:.2f}"


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    server = support.Authflowd(arguments.bin_folder, folder, support.product())
    probed = {}
    for in_flight in PROBED:
        probed[in_flight] = Offered(arguments, server, "closed", in_flight, arguments.seconds / 8).of["per_second"]
    best = max(probed, key=probed.get)
    pairs = []
    for _ in range(arguments.rounds):
        capacity = Offered(arguments, server, "closed", best, arguments.seconds)
        if arguments.callers:
            flood = Offered(arguments, server, "closed", arguments.callers, arguments.seconds)
        else:
            rate = arguments.times * capacity.of["per_second"]
            flood = Offered(arguments, server, "open", rate, arguments.seconds)
        pairs.append((capacity, flood))
    server.end(signal.SIGTERM)
    floods = [flood for _, flood in pairs]
    what = f"{arguments.callers} callers that wait" if arguments.callers else f"{arguments.times:g} times as many"

    def median(values) -> float:
        return support.spread(list(values))["median"]

    counted = {
        f"{name} a second": round(median(flood.of[name] for flood in floods) / arguments.seconds)
        for name in ("offered", "accepted", "refused", "late", "unsent")
    }
    return [
        support.Row(
            f"Accepted of {what}",
            f"StartFlow with {best} in flight",
            [flood.of["per_second"] / capacity.of["per_second"] for capacity, flood in pairs],
            0.9,
            more={
                "capacity a second": round(median(capacity.of["per_second"] for capacity, _ in pairs)),
                **counted,
                "cores of the server, at capacity and flooded": _both(
                    *(median(one.server_cpu for one in side) for side in zip(*pairs))
                ),
                "cores of the load": _both(*(median(one.load_cpu for one in side) for side in zip(*pairs))),
                "longest turn of the load, ms": round(max(flood.of["lag_us"] for flood in floods) / 1000),
            },
        ),
        support.Row(
            "p99 of accepted calls in a flood",
            "1 s",
            [flood.of["p99_us"] / 1e6 for flood in floods],
            1.0,
            at_most=True,
            more={"p50 ms": round(median(flood.of["p50_us"] for flood in floods) / 1000)},
        ),
        support.Row(
            "Resident memory in the last fifth of a flood",
            "in the second fifth",
            [flood.memory_last / flood.memory_first for flood in floods],
            1.1,
            at_most=True,
            more={"MB": "; ".join(f"{flood.memory_first:.0f} to {flood.memory_last:.0f}" for flood in floods)},
        ),
    ]


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--times", type=float, default=2.5, help="what is offered, over what can be taken")
    parser.add_argument("--callers", type=int, default=0, help="instead: so many, each of which waits for its answer")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")


if __name__ == "__main__":
    sys.exit(support.run(measure, "StartFlow beyond capacity: accepted calls over capacity", add_arguments))
