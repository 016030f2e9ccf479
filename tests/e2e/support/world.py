"""One test's world: a server with its products, machines with our CLI, and what arrived at the sink."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from support import events
from support.http import Admin, AdminError
from support.metrics import Metrics, scrape
from support.processes import Program
from support.services import Services
from support.terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

AUTHFLOWD = Path(os.environ.get("AUTHFLOWD") or ROOT / "bazel-bin/server/authflowd")
AUTHFLOW = Path(os.environ.get("AUTHFLOW") or ROOT / "bazel-bin/client/cli/authflow")


@dataclass
class Product:
    id: str = "acme"
    display_name: str = "Acme"
    client_id: str = "cli"
    regions: tuple[str, ...] = ("eu", "us")  # none: the product has no application directory
    provider: str = ""  # more lines of the provider
    more: str = ""  # more lines of the product


CONFIG = """\
# A product as a company with one CLI would write it.
products {{
  id: "{id}"
  display_name: "{display_name}"
  provider {{
    issuer: "{issuer}"
    client_id: "{client_id}"
    # This provider gives a refresh token only to who consents.
    parameters {{ place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "consent" kind: FLOW_KIND_LOGIN }}
    parameters {{ place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "create consent" kind: FLOW_KIND_SIGNUP }}
    parameters {{ place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "consent" kind: FLOW_KIND_REAUTHENTICATION }}
    {provider}
  }}
  applications {{ {applications} }}
  sink {{ segment {{ endpoint: "{receiver}" write_key {{ file: "{write_key}" }} }} }}
  {more}
}}
"""


class World:
    def __init__(
        self,
        services: Services,
        folder: Path,
        products: tuple[Product, ...] = (Product(),),
        limits: str = "",
        server_flags: tuple[str, ...] = (),
    ):
        self.services = services
        self.folder = folder
        self.logs = folder / "logs"
        self.products = products
        # Tells this world's messages from all others at the one receiver.
        self.write_key = uuid.uuid4().hex
        self.server_flags = server_flags
        self.config = folder / "authflowd.txtpb"
        self.data = folder / "data"
        self._write_config(limits)
        self._starts = 0
        self._machines: list[Machine] = []
        self._programs: list[Program] = []
        self.server: Program | None = None
        self.grpc = self.http = ""

    def _write_config(self, limits: str):
        key = self.folder / "write_key"
        key.write_text(self.write_key)
        text = ""
        for product in self.products:
            regions = " ".join(f'regions: "{region}"' for region in product.regions)
            text += CONFIG.format(
                **vars(product) | {"provider": product.provider or "# No more."},
                issuer=self.services.issuer,
                applications=f"local {{ {regions} }}" if regions else "none {}",
                receiver=self.services.receiver_url,
                write_key=key,
            )
        if limits:
            text += f"flow_limits {{ {limits} }}\n"
        self.config.write_text(text)

    # The server.

    def start(self) -> "World":
        self._starts += 1
        self.server = Program(
            f"authflowd-{self._starts}",
            [
                AUTHFLOWD,
                "--config",
                self.config,
                "--data",
                self.data,
                # After a restart at the same place: clients find it again.
                "--listen",
                self.grpc or "127.0.0.1:0",
                "--http-listen",
                self.http or "127.0.0.1:0",
                "--log-format",
                "json",
                "--log-level",
                "debug",
                "--grace",
                "5s",
                *self.server_flags,
            ],
            self.logs,
        )
        self._programs.append(self.server)
        ready = self.server.wait_ready(r"^authflowd ready grpc=(\S+) http=(\S+)")
        self.grpc, self.http = ready[1], ready[2]
        return self

    def metrics(self) -> Metrics:
        return scrape(self.http)

    def gate(self) -> "Gate":
        """A relay in front of the server, for CLIs that are given its address."""
        gate = Gate(self)
        self._programs.append(gate.program)
        return gate

    # What arrived at the sink.

    def mark(self) -> int:
        """A place in what has arrived: what comes later is 'since' it."""
        messages = self.services.receiver.get("/messages", write_key=self.write_key)
        return messages[-1]["order"] if messages else 0

    def received(self, since: int = 0, **filters) -> list[dict]:
        found = self.services.receiver.get("/messages", write_key=self.write_key, since=since, **filters)
        again = [item for item in found if item["duplicate"]]
        # What a server had delivered and not yet settled when it was killed, the next one sends again.
        assert not again or any(program.process.returncode == -signal.SIGKILL for program in self._programs)
        return [item["message"] for item in found if not item["duplicate"]]

    def wait_event(self, event: str, count: int = 1, since: int = 0, timeout: float = 15.0, **filters) -> list[dict]:
        """The messages of that event, as soon as there are `count`."""
        try:
            found = self.services.receiver.get(
                "/wait",
                count=count,
                event=event,
                write_key=self.write_key,
                since=since,
                timeout_ms=int(timeout * 1000),
                **filters,
            )
        except AdminError as error:
            rows = "\n".join(events.timeline(self.received(since)))
            raise AssertionError(f"{event!r} did not arrive ({error.status}); there is only:\n{rows}") from None
        return [item["message"] for item in found["messages"]]

    def wait_delivered(self, timeout: float = 15.0):
        """Until the outbox is empty. Nothing tells when that is: it is asked for between arrivals."""
        limit = time.monotonic() + timeout
        while self.metrics().sum("authflow_outbox_events", state="pending"):
            assert time.monotonic() < limit, "the outbox does not get empty"
            self.services.receiver.get("/counts")

    # Who works with it.

    def machine(self, name: str = "laptop", product: str = "") -> "Machine":
        machine = Machine(self, name, product or self.products[0].id)
        self._machines.append(machine)
        return machine

    def close(self):
        for machine in self._machines:
            machine.close()
        for program in reversed(self._programs):
            program.stop()


class Gate:
    """See gate.py."""

    def __init__(self, world: World):
        self.program = Program("gate", [sys.executable, HERE / "gate.py", world.grpc], world.logs)
        self.address = self.program.wait_ready(r"^READY (\S+)")[1]

    def _tell(self, command: str, method: str):
        start = len(self.program.out.all())
        self.program.say(f"{command} {method}")
        assert self.program.out.wait(f"^DONE {command} {method}$", 10, start)

    def hold(self, method: str):
        self._tell("hold", method)

    def hold_answer(self, method: str):
        self._tell("hold-answer", method)

    def release(self, method: str):
        self._tell("release", method)

    def wait_arrived(self, method: str, number: int = 1, timeout: float = 20.0):
        assert self.program.out.wait(f"^ARRIVED {method} {number}$", timeout), f"{method} was not called"

    def wait_handled(self, method: str, number: int = 1, timeout: float = 20.0):
        assert self.program.out.wait(f"^HANDLED {method} {number}$", timeout), f"{method} was not answered"


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

    def start(self, *arguments: str, terminal: bool = False, echo=None, **env: str) -> "Run":
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
        # The last event of an earlier command may still be under way.
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
        """An identify names no invocation."""
        return invocation_of(message) not in self.earlier - {None}

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


def secrets_of(machine: Machine, urls: list[str]) -> dict[str, str]:
    """All that must be nowhere but on the machine itself: tokens, and what authorization URLs carry."""
    found = {}
    for name, value in machine.tokens().items():
        if name in ("access_token", "refresh_token", "id_token") and value:
            found[name] = value
    for index, url in enumerate(urls):
        for name in ("state", "nonce", "code_challenge"):
            if match := re.search(rf"[?&]{name}=([^&]+)", url):
                found[f"{name}-{index}"] = match[1]
    return found


def leaks(secrets: dict[str, str], folder: Path, forms=lambda secret: [secret.encode()]) -> list[str]:
    """Which secret stands in which file below `folder`, in any of its forms."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for name, secret in secrets.items():
            if any(form in content for form in forms(secret)):
                found.append(f"{name} in {path.relative_to(folder)}")
    return found
