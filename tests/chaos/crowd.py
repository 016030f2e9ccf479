#!/usr/bin/python3
"""Hundreds of client processes, and what kills them: crowd.py STAGE.json.

Each client is a process of its own, forked from this one (which has loaded gRPC and has not used it). They are killed,
told to stop and paused at random, and replaced. SIGTERM: no new ones, those that live end after their login; then this
process ends. What happened is counted in the file "crowd.json" of the stage's folder.
"""

import collections
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from person import Person  # noqa: E402

HURT = {"SIGKILL": 60, "SIGTERM": 12, "SIGINT": 12, "SIGSTOP": 16}
CALLS_FOR = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


class Crowd:
    def __init__(self, stage: dict):
        self.stage = stage
        self.random = random.Random(f"{stage['seed']}/crowd")
        self.living: set[int] = set()
        self.paused: dict[int, float] = {}
        self.number = 0
        self.happened = collections.Counter()

    def fork(self):
        self.number += 1
        pid = os.fork()
        if pid:
            self.living.add(pid)
            return
        try:
            Person(self.number, self.stage).live()
        finally:
            os._exit(99)

    def reap(self):
        while self.living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.living.discard(pid)
            self.paused.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if code == -signal.SIGKILL:
                self.happened["killed"] += 1
            elif code not in (0, 1, 128 + signal.SIGTERM, 128 + signal.SIGINT):
                self.happened[f"exit code {code}"] += 1

    def hurt(self):
        victims = [pid for pid in self.living if pid not in self.paused]
        if not victims:
            return
        victim = self.random.choice(victims)
        name = self.random.choices(list(HURT), list(HURT.values()))[0]
        self.happened[name] += 1
        os.kill(victim, signal.Signals[name])
        if name == "SIGSTOP":
            self.paused[victim] = time.monotonic() + self.random.uniform(0.2, 5)

    def resume(self, everyone: bool = False):
        now = time.monotonic()
        for pid in [pid for pid, until in self.paused.items() if everyone or until <= now]:
            del self.paused[pid]
            os.kill(pid, signal.SIGCONT)

    def live(self):
        # Blocked here, and so in the clients, which wait for them; this process does the same.
        signal.pthread_sigmask(signal.SIG_BLOCK, CALLS_FOR)
        rate = self.stage["client_kills_per_second"]
        next_hurt = time.monotonic()
        print("READY", flush=True)
        while True:
            self.reap()
            self.resume()
            # Not all at once: a fork takes a moment, and so does a new connection.
            for _ in range(min(4, self.stage["number"] - len(self.living))):
                self.fork()
            if rate and time.monotonic() >= next_hurt:
                next_hurt = time.monotonic() + self.random.expovariate(rate)
                self.hurt()
            if signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, 0.05):
                return self.end()

    def end(self):
        self.resume(everyone=True)
        for pid in self.living:
            os.kill(pid, signal.SIGUSR1)
        limit = time.monotonic() + self.stage["patience"]
        while self.living and time.monotonic() < limit:
            self.reap()
            time.sleep(0.05)
        for pid in self.living:
            os.kill(pid, signal.SIGKILL)
        self.happened["clients"] = self.number
        (Path(self.stage["folder"]) / "crowd.json").write_text(json.dumps(self.happened))


Crowd(json.loads(Path(sys.argv[1]).read_text())).live()
