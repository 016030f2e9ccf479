"""Processes that link the C++ client library: library_client.cc, killed and started again."""

import collections
import random
import signal
import subprocess
import threading
from pathlib import Path

from support.processes import die_with_parent

THREADS = 12
# A process that is killed here takes so many logins along.
ENDS = {"SIGKILL": 70, "SIGTERM": 15, "SIGINT": 15}


class LibraryRuns:
    def __init__(self, binary: Path, folder: Path, seed: str, addresses: list[str], number: int):
        self.binary, self.folder, self.addresses, self.number = binary, folder, addresses, number
        self.random = random.Random(f"{seed}/library {number}")
        self.happened: collections.Counter = collections.Counter()

    def run(self, stop: threading.Event):
        while not stop.is_set():
            self.happened["processes"] += 1
            name = f"library-{self.number}-{self.happened['processes']}"
            journal = self.folder / "clients" / f"{name}.jsonl"
            with open(self.folder / "logs" / f"{name}.err", "wb") as errors:
                process = subprocess.Popen(
                    [self.binary, self.random.choice(self.addresses), "odd", journal, str(THREADS)],
                    stdin=subprocess.DEVNULL,
                    stderr=errors,
                    preexec_fn=die_with_parent,
                )
            stop.wait(self.random.uniform(1, 20))
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended by itself with code {process.returncode}")
            end = self.random.choices(list(ENDS), list(ENDS.values()))[0]
            self.happened[end] += 1
            process.send_signal(signal.Signals[end])
            process.wait()
