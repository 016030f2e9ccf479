"""Logins of the real CLI, one after the other: what it says it was told goes into a journal, and some are killed."""

import collections
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
import uuid
from pathlib import Path

from journal import Journal
from support.processes import die_with_parent

# A $BROWSER that takes its time, and then signs in without showing pages.
BROWSER = r"""#!/bin/sh
sleep "$CHAOS_WAIT"
case "$CHAOS_MODE $1" in
  none*) ;;
  *" $CHAOS_ODD"*) curl -s -L --noproxy '*' --max-time 20 -o /dev/null "$1" ;;
  *) curl -s --noproxy '*' -o /dev/null "$CHAOS_BROWSER/open" -d "{\"url\":\"$1\",\"mode\":\"$CHAOS_MODE\",\"detach\":true}" ;;
esac
exit 0
"""

# How a run ends, and how often.
ENDS = {"by itself": 60, "SIGKILL": 16, "SIGTERM": 8, "SIGINT": 8, "SIGSTOP": 8}
FLOW = re.compile(r"^debug: flow: (\S+)$")
STEP = re.compile(r"^debug: step: (\S+)$")
ABORTED = re.compile(r"^debug: recorded: CLI Auth Aborted step=\S* reason=(\S+)$")
FAILED = re.compile(r"^debug: recorded: CLI Auth Failed step=\S* error_class=(\S+)$")


class Notes:
    """The lines of one run's --debug, as a journal has them. Of what the CLI asked for they say nothing."""

    def __init__(self, journal: Journal, product: str):
        self._journal = journal
        self._about = {
            "anonymous": str(uuid.uuid4()),
            "invocation": "",
            "claimed": "",
            "product": product,
            "kind": "login",
            "tracked": True,
            "asks_known": False,
        }
        self._flow = ""
        self._steps: list[str] = []
        self._attempt = 1
        self._command_ended = False

    @property
    def anonymous_id(self) -> str:
        return self._about["anonymous"]

    def before(self):
        self._journal.ask("ask_start", **self._about)

    def line(self, line: str):
        if line == "debug: recorded: Command Invoked":
            self._journal.told("command", invocation="", anonymous=self.anonymous_id)
        elif line == "debug: recorded: Command Completed":
            self._command_ended = True
        elif found := FLOW.match(line):
            self._flow, self._steps, self._attempt = found[1], [], 1
            self._journal.told("started", flow=self._flow, **self._about)
        elif line == "debug: recorded: identify":
            self._journal.told("exchanged", flow=self._flow, user="?")
        elif found := STEP.match(line):
            # It goes back to the browser for the next attempt alone.
            self._attempt += found[1] == "browser_wait" and found[1] in self._steps
            self._steps.append(found[1])
            self._journal.told("step", flow=self._flow, step=found[1], attempt=self._attempt)
        elif line == "debug: recorded: CLI Auth Completed":
            self._ended("completed")
        elif found := ABORTED.match(line):
            self._ended(f"aborted {found[1]}")
        elif found := FAILED.match(line):
            self._ended(f"failed {found[1]}")

    def _ended(self, outcome: str):
        self._journal.told("outcome", flow=self._flow, outcome=outcome, by="finish")

    def after(self, code: int):
        if self._command_ended:
            self._journal.told("command_end", exit_code=code if code >= 0 else None, anonymous=self.anonymous_id)


class CliRuns:
    def __init__(self, binary: Path, folder: Path, stage, addresses: list[str], number: int):
        self.binary, self.folder, self.stage, self.addresses = binary, folder, stage, addresses
        self.random = random.Random(f"{stage.seed}/cli {number}")
        self.journal = Journal(folder / "clients" / f"cli-{number}.jsonl")
        self.happened: collections.Counter = collections.Counter()
        self.home = folder / "homes" / str(number)
        self.browser = folder / f"browser-{number}"
        self.browser.write_text(BROWSER)
        self.browser.chmod(0o755)

    def run(self, stop: threading.Event):
        while not stop.is_set():
            self._one()

    def _one(self):
        choose = self.random.choices
        product = choose(["odd", "real"], [3, 1])[0]
        notes = Notes(self.journal, product)
        notes.before()
        data = self.home / "share" / "authflow"
        data.mkdir(parents=True)
        (data / "anonymous_id").write_text(notes.anonymous_id + "\n")
        arguments = ["login", "--non-interactive", "--json", "--debug"]
        if product == "odd":
            arguments += ["--app-name", f"chaos {self.random.randint(1, 20)}"]
        end = choose(list(ENDS), list(ENDS.values()))[0]
        process = subprocess.Popen(
            [self.binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._environment(product),
            preexec_fn=die_with_parent,
        )
        self.happened["logins"] += 1
        killer = threading.Thread(target=self._end, args=(process, end, self.random.expovariate(1 / 1.5)))
        killer.start()
        for line in process.stderr:
            notes.line(line.decode().rstrip("\n"))
        code = process.wait()
        killer.join()
        notes.after(code)
        shutil.rmtree(self.home, ignore_errors=True)

    def _environment(self, product: str) -> dict:
        modes = {"alice": 88, "none": 4, "deny": 8 if product == "real" else 0}
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "share"),
            "BROWSER": str(self.browser),
            "AUTHFLOW_SERVER": self.random.choice(self.addresses),
            "AUTHFLOW_PRODUCT": product,
            "CHAOS_WAIT": f"{self.random.expovariate(1 / 0.3):.3f}",
            "CHAOS_MODE": self.random.choices(list(modes), list(modes.values()))[0],
            "CHAOS_ODD": self.stage.odd,
            "CHAOS_BROWSER": self.stage.browser,
        }

    def _end(self, process, end: str, after: float):
        if end == "by itself":
            return
        limit = time.monotonic() + after
        while process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        if process.poll() is not None:
            return
        self.happened[end] += 1
        process.send_signal(signal.Signals[end])
        if end == "SIGSTOP":
            time.sleep(after)
            process.send_signal(signal.SIGCONT)
