"""One client process: a person who signs in again and again."""

import os
import random
import signal
import threading
import traceback

from journal import Journal
from login import Login
from wire import Wire


class Person:
    def __init__(self, number: int, stage: dict):
        self.random = random.Random(f"{stage['seed']}/client {number}")
        self.stage = stage
        self.journal = Journal(os.path.join(stage["clients"], f"client-{number}.jsonl"))
        self.interrupted = threading.Event()
        self.leaving = threading.Event()
        self.wire = None

    def live(self):
        """Until a signal says otherwise. The signals are blocked in all threads: this one waits for them."""
        threading.Thread(target=self._work, daemon=True).start()
        while True:
            got = signal.sigwait({signal.SIGTERM, signal.SIGINT, signal.SIGUSR1})
            if got == signal.SIGUSR1:
                self.leaving.set()
                continue
            self.interrupted.set()
            if self.wire:
                self.wire.interrupt()
            threading.Timer(1.2, os._exit, [128 + got]).start()

    def _work(self):
        try:
            self._sign_in_again_and_again()
        except BaseException:
            traceback.print_exc()
            os._exit(70)

    def _sign_in_again_and_again(self):
        address = self.random.choices([self.stage["proxy"], self.stage["server"]], [2, 1])[0]
        self.wire = Wire(address, self.random, self.interrupted)
        while not self.leaving.is_set():
            Login(self).run()
            if self.interrupted.is_set():
                os._exit(1)
        os._exit(0)
