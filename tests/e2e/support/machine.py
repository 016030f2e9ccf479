"""A machine with our CLI, and its commands under way: at a terminal or without one, with a browser that a test decides about."""

from __future__ import annotations

import datetime
import json
import os
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import events
from support.http import Admin
from support.processes import Program
from support.terminal import Terminal

if TYPE_CHECKING:
    from support.world import World

ROOT = Path(__file__).resolve().parents[3]
AUTHFLOW = Path(os.environ.get("AUTHFLOW") or ROOT / "bazel-bin/client/cli/authflow")


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict:
        return json.loads(self.out)


class Machine:
    """One installation of the CLI: a home of its own, and a browser that a test decides about."""

    def __init__(self, world: World, name: str, product: str):
        self.world = world
        self.name = name
        self.home = world.folder / "homes" / name
        self.home.mkdir(parents=True)
        self._runs = 0
        self._open: list[Run] = []
        # $BROWSER of this machine hands the URL over to the test.
        self.browser = self.home / "browser"
        self.browser.write_text('#!/bin/sh\nprintf "%s\\n" "$1" >"$AUTHFLOW_E2E_URLS"\n')
        self.browser.chmod(0o755)
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "share"),
            "BROWSER": str(self.browser),
            "AUTHFLOW_SERVER": world.grpc,
            "AUTHFLOW_PRODUCT": product,
        }

    def start(self, *arguments: str, terminal: bool = False, echo=None, **env: str) -> Run:
        self._runs += 1
        run = Run(self, f"{self.name}-{self._runs}", arguments, terminal, echo, env)
        self._open.append(run)
        return run

    def run(self, *arguments: str, **env: str) -> Ended:
        """A command that wants no browser."""
        return self.start(*arguments, **env).ended()

    def sign_in(self, *arguments: str, **person) -> Ended:
        """A login (or what `arguments` say) that a person makes by plain HTTP."""
        run = self.start(*(arguments or ("login",)))
        run.browse(**person)
        return run.ended()

    def profile(self, name: str = "default") -> dict:
        return json.loads(self.profile_path(name).read_text())

    def profile_path(self, name: str = "default") -> Path:
        return self.home / "config/authflow/profiles" / f"{name}.json"

    def tokens_path(self, name: str = "default") -> Path:
        return self.home / "share/authflow/tokens" / f"{name}.json"

    def tokens(self, name: str = "default") -> dict:
        return json.loads(self.tokens_path(name).read_text())

    @property
    def anonymous_id(self) -> str:
        return (self.home / "share/authflow/anonymous_id").read_text().strip()

    def close(self):
        for run in self._open:
            run.close()


class Run:
    """One command under way."""

    def __init__(self, machine: Machine, name: str, arguments, terminal: bool, echo, env: dict):
        self.machine = machine
        self.world = machine.world
        self.mark = self.world.mark()
        # The last events of an earlier command may still be under way.
        self.began = datetime.datetime.now(datetime.timezone.utc)
        self.earlier = {invocation_of(message) for message in self.world.received()}
        fifo = self.world.folder / f"{name}.urls"
        os.mkfifo(fifo)
        # Read and write: opening does not wait, and a writer always has a reader.
        self._urls = os.fdopen(os.open(fifo, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0)
        environment = machine.env | {"AUTHFLOW_E2E_URLS": str(fifo)} | env
        argv = [AUTHFLOW, *arguments]
        self.world.logs.mkdir(parents=True, exist_ok=True)
        self.terminal = self.program = None
        if terminal:
            self.terminal = Terminal(argv, environment, self.world.logs / f"{name}.terminal", echo=echo)
            self.process = self.terminal.process
        else:
            self.program = Program(name, argv, self.world.logs, environment)
            self.program.process.stdin.close()
            self.process = self.program.process

    def url(self, timeout: float = 20.0) -> str:
        """What the CLI opens in the browser, as soon as it does."""
        handle = os.pidfd_open(self.process.pid) if self.process.poll() is None else None
        wanted = [self._urls] + ([handle] if handle is not None else [])
        try:
            ready, _, _ = select.select(wanted, [], [], timeout)
        finally:
            if handle is not None:
                os.close(handle)
        if self._urls not in ready:
            raise AssertionError(f"no browser was opened:\n{self.shown()}")
        return self._urls.read(65536).decode().splitlines()[-1]

    def printed_url(self, timeout: float = 20.0) -> str:
        """The URL that --no-browser shows."""
        pattern = r"(https?://\S+[?&]code_challenge=\S+)"
        if self.terminal:
            return self.terminal.wait_text(pattern, timeout)[1]
        found = self.program.err.wait(pattern, timeout)
        assert found, f"no URL was printed:\n{self.shown()}"
        return found[1]

    def browse(self, driver: Admin | None = None, url: str = "", **person) -> dict:
        """The person goes through the pages, to the end; gives what the last page shows."""
        driver = driver or self.world.services.http
        return driver.post("/open", {"url": url or self.url(), **person})

    def browse_later(self, driver: Admin | None = None, **person):
        """The same without waiting for the last page."""
        driver = driver or self.world.services.http
        driver.post("/open", {"url": self.url(), "detach": True, **person})

    def shown(self) -> str:
        if self.terminal:
            return self.terminal.text
        return "\n".join(self.program.out.all() + self.program.err.all())

    def ended(self, timeout: float = 40.0) -> Ended:
        if self.terminal:
            code, _ = self.terminal.wait_exit(timeout)
            as_found = self.terminal.as_found
            self.terminal.close()
            assert as_found, f"the terminal is not as it was found:\n{self.terminal.text}"
            return Ended(code, self.terminal.text, "")
        try:
            code = self.program.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command goes on after {timeout} s:\n{self.shown()}") from None
        return Ended(code, "\n".join(self.program.out.all()), "\n".join(self.program.err.all()))

    def events(self, until: str = "Command Completed") -> list[dict]:
        """All that arrived at the sink since this command began, once `until` is there."""
        count = 0
        while count == 0 or not any(self._mine(message) for message in found):
            count += 1
            found = self.world.wait_event(until, count, since=self.mark, anonymousId=self.machine.anonymous_id)
        found = self.world.received(self.mark, anonymousId=self.machine.anonymous_id)
        return [message for message in found if self._mine(message)]

    def _mine(self, message: dict) -> bool:
        """Not of a command that began before, whose last events may arrive only now. An identify names no invocation."""
        if datetime.datetime.fromisoformat(message["timestamp"]) < self.began:
            return False
        return (invocation := invocation_of(message)) is None or invocation not in self.earlier

    def timeline(self, until: str = "Command Completed") -> list[str]:
        return events.timeline(self.events(until))

    def close(self):
        if self.terminal:
            self.terminal.close()
        else:
            self.program.kill()
        self._urls.close()


def invocation_of(message: dict) -> str | None:
    return message.get("properties", {}).get("invocation_id")
