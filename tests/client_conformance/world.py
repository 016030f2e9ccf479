"""What a scenario has at hand: server, client, person, and what it found. Waits are on what happens."""

import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from client import Client
from duties import Broken, Verdicts
from person import Visit
from server import FLOW, Call, Server

# Between a stream's end and the next: 3 s at most, and a little for the machine.
WATCH_AGAIN = 4.0
# So long we look for what must not happen.
GLANCE = 0.3


class World:
    """`patience`: seconds for what a client does at once; to start an interpreter on a busy machine is the longest of it.
    `device`: more arguments of the command, with which it signs in by a device code. `success_page` gives the page of a
    good exchange."""

    def __init__(
        self,
        command: list[str],
        device: list[str],
        folder: Path,
        patience: float,
        success_page: Callable[[], str],
    ):
        self._command, self._device, self._folder, self._patience = command, device, folder, patience
        self.success_page = success_page
        self.changed = threading.Condition(threading.RLock())
        self.server = Server(self.changed)
        self.verdicts = Verdicts()
        self.expect = self.verdicts.expect
        self.client: Client | None = None
        self.clients: list[Client] = []

    def close(self):
        for client in self.clients:
            client.close()
        self.server.close()

    # --- Waiting ---------------------------------------------------------------------------------------------------

    def within(self, seconds: float, happened) -> bool:
        with self.changed:
            return bool(self.changed.wait_for(happened, timeout=seconds))

    def need(self, duty: str, happened, seen: str, seconds: float = 0):
        """Without it the scenario cannot go on."""
        if not self.within(seconds or self._patience, happened):
            raise Broken(duty, seen + self.state())

    def state(self) -> str:
        code = self.client.code if self.client else None
        if code is None:
            return ""
        last = " ".join(self.client.output.split())[-200:]
        return f" (the client had ended with {code}; its last words: {last!r})"

    # --- The client ------------------------------------------------------------------------------------------------

    def start(self, **environment: str):
        self._start(self._command, environment)

    def start_with_device(self):
        """As the person who wants a code instead of the browser."""
        self.server.device_grant = True
        self._start([*self._command, *self._device], {})

    def _start(self, command: list[str], environment: dict[str, str]):
        address = f"127.0.0.1:{self.server.relay.port}"
        self.client = Client(self.changed, command, address, self._folder, environment)
        self.clients.append(self.client)

    def begin(self, **environment: str):
        """Up to the wait for the redirect."""
        self.start(**environment)
        self.need_browser(1)

    def need_browser(self, number: int, duty: str = "D7") -> str:
        """The URL of the attempt of that number, once the client has shown it."""
        seen = "the browser was never opened" if number == 1 else "the browser was not opened again"
        self.need(duty, lambda: self.client.code is not None or len(self.client.opened) >= number, seen)
        if len(self.client.opened) < number:
            raise Broken(duty, seen + self.state())
        url = self.client.opened[number - 1][1]
        self.expect(duty, url == self.server.flow.url, "the browser was sent to another URL than the server's")
        return url

    def exit_code(self, duty: str, seconds: float = 0) -> int:
        self.need(duty, lambda: self.client.code is not None, "the client did not end", seconds)
        return self.client.code

    def signed_in(self, duty: str):
        """The login goes on to its completed end."""
        code = self.exit_code(duty)
        said = outcomes(self.server.of("FinishFlow"))
        self.expect(duty, code == 0 and said and set(said) == {"completed"}, f"exit code {code}, FinishFlow said {said}")

    # --- The person ------------------------------------------------------------------------------------------------

    def visit(self, query: str | None, path: str | None = None) -> Visit:
        place = urllib.parse.urlsplit(self.server.flow.redirect_uri)
        target = place.path if path is None else path
        return Visit(self.changed, self.server.flow.redirect_uri, target if query is None else f"{target}?{query}")

    def redirect(self, code: str = "") -> Visit:
        return self.visit(self.query(code))

    def query(self, code: str = "") -> str:
        """A redirect's query, written as no client would write it."""
        code = code or "c%6fde-" + self.server.flow.state[:8]
        self.server.secrets.add(code)
        return f"iss=https%3a%2F%2Fid.example.com&code={code}&x=a+b%20c&&state={self.server.flow.state}"

    def exchanges(self) -> list[Call]:
        return self.server.of("ExchangeCode")

    def need_exchange(self, number: int = 1, duty: str = "D9"):
        self.need(duty, lambda: len(self.exchanges()) >= number, "the redirect did not reach ExchangeCode")

    def need_page(self, visit: Visit, duty: str = "D10"):
        self.need(duty, lambda: visit.answered_at, "the browser got no page")


def outcomes(calls: list[Call]) -> list[str]:
    """What FinishFlow was told: "completed", "aborted USER_CANCELLED", "failed CLIENT_ERROR", "failed"."""
    told = []
    for call in calls:
        outcome = call.request.outcome
        how = outcome.WhichOneof("how") or "nothing"
        if how == "aborted":
            how += " " + FLOW.AbortReason.Name(outcome.aborted.reason).removeprefix("ABORT_REASON_")
        elif how == "failed" and outcome.failed.error_class:
            how += f" {outcome.failed.error_class}"
        told.append(how)
    return told


def seconds(duration: float) -> str:
    return f"{duration:.1f} s"

