"""One test's world: a server with its products, machines with our CLI (machine.py), and what arrived at the sink."""

import contextlib
import os
import re
import signal
import sqlite3
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from support import events
from support.http import AdminError
from support.machine import Machine
from support.metrics import Metrics, scrape
from support.processes import Program
from support.services import Services

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

AUTHFLOWD = Path(os.environ.get("AUTHFLOWD") or ROOT / "bazel-bin/server/authflowd")


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
        """Until the outbox is empty. The metric of it may be a second old: the database is asked, between arrivals."""
        limit = time.monotonic() + timeout
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/authflow.db?mode=ro", uri=True)) as database:
            while database.execute("SELECT 1 FROM outbox WHERE dead_reason IS NULL LIMIT 1").fetchone():
                assert time.monotonic() < limit, "the outbox does not get empty"
                self.services.receiver.get("/counts")

    # Who works with it.

    def machine(self, name: str = "laptop", product: str = "") -> Machine:
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
