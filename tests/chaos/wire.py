"""The RPCs as the client library makes them: deadlines, repeats after a broken connection, a watch that comes back."""

import threading
import time

import grpc
from support import rpc

FLOW = rpc.flow
OPTIONS = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # The library waits up to 3 s; here a server lives that long.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
]


class Refused(Exception):
    """The server said no, and what it said is an answer."""

    def __init__(self, reason: str, flow_id: str = ""):
        super().__init__(reason)
        self.reason = reason
        self.flow_id = flow_id


class Away(Exception):
    """No answer: whether the call took effect is not known."""


class Interrupted(Exception):
    """The process was told to end."""


def outcome_text(outcome) -> str:
    """As the checker writes it: "aborted client_lost"."""
    how = outcome.WhichOneof("how")
    if how == "aborted":
        return "aborted " + FLOW.AbortReason.Name(outcome.aborted.reason).removeprefix("ABORT_REASON_").lower()
    if how == "failed":
        name = rpc.error_class.ErrorClass.Name(outcome.failed.error_class)
        return "failed " + name.removeprefix("ERROR_CLASS_")
    return how or ""


def step_text(step: int) -> str:
    return "" if step == 0 else FLOW.Step.Name(step).removeprefix("STEP_").lower()


class Wire:
    """One channel. `interrupted` ends what is waited for."""

    def __init__(self, address: str, random, interrupted: threading.Event):
        channel = grpc.insecure_channel(address, OPTIONS)
        self.flows = rpc.flow_service_pb2_grpc.FlowServiceStub(channel)
        self.tokens = rpc.token_service_pb2_grpc.TokenServiceStub(channel)
        self.applications = rpc.application_service_pb2_grpc.ApplicationServiceStub(channel)
        self.commands = rpc.command_service_pb2_grpc.CommandServiceStub(channel)
        self._channel = channel
        self._random = random
        self._interrupted = interrupted
        self._current = None

    def close(self):
        self._channel.close()

    def interrupt(self):
        """From another thread, after the event was set."""
        if current := self._current:
            current.cancel()

    def call(self, method, request, deadline: float = 10.0, retry_for: float | None = None, last_word: bool = False):
        """The answer and how many tries it took. `last_word`: an interrupted process says this all the same."""
        end = time.monotonic() + deadline
        last_try = end if retry_for is None else time.monotonic() + min(retry_for, deadline)
        pause = 0.1
        tries = 0
        # Now and then nobody waits for the first answer: the call is made again, and must say the same.
        lost = not last_word and self._random.random() < 0.04
        while True:
            tries += 1
            if self._interrupted.is_set() and not last_word:
                raise Interrupted
            left = max(end - time.monotonic(), 0.001)
            try:
                if last_word:
                    return method(request, timeout=left), tries
                self._current = method.future(request, timeout=self._random.uniform(0, 0.01) if lost else left)
                return self._current.result(), tries
            except grpc.FutureCancelledError:
                raise Interrupted from None
            except grpc.RpcError as error:
                info = rpc.error_info(error)
                reason = info.reason if info is not None else ""
                again = reason == "STORE_UNAVAILABLE" or (not reason and error.code() is grpc.StatusCode.UNAVAILABLE)
                if lost and not reason:
                    lost, again, pause = False, True, 0.01
                rest = pause * self._random.uniform(0.5, 1)
                if not again or time.monotonic() + rest >= last_try:
                    if reason:
                        raise Refused(reason, info.metadata.get("flow_id", "")) from None
                    raise Away(f"{error.code().name}: {error.details()}") from None
                if not last_word:
                    self._interrupted.wait(rest)
                else:
                    time.sleep(rest)
                pause = min(pause * 1.6, 2.0)
            finally:
                self._current = None


class Watch:
    """Holds WatchFlow open until it has the last word. Tells the journal what comes."""

    def __init__(self, wire: Wire, journal, flow_id: str, token: str, random):
        self.outcome = ""
        self.over = threading.Event()
        self._wire, self._journal, self._flow_id = wire, journal, flow_id
        self._request = rpc.flows.WatchFlowRequest(flow_token=token)
        self._random = random
        self._closed = threading.Event()
        self._stream = None
        threading.Thread(target=self._work, daemon=True).start()

    def close(self):
        """The client goes without a word."""
        self._closed.set()
        if self._stream is not None:
            self._stream.cancel()

    def _work(self):
        pause = 0.1
        number = 0
        while not self._closed.is_set():
            number += 1
            opened = False
            self._stream = self._wire.flows.WatchFlow(self._request)
            try:
                for message in self._stream:
                    pause = 0.1
                    if self._hear(message, number, opened):
                        return
                    opened = True
            except grpc.RpcError as error:
                info = rpc.error_info(error)
                if info is not None and info.reason and info.reason != "STORE_UNAVAILABLE":
                    self.over.set()
                    return
            if opened:
                self._journal.ask("watch_broken", flow=self._flow_id, watch=id(self), stream=number)
            self._closed.wait(pause * self._random.uniform(0.5, 1))
            pause = min(pause * 1.6, 3.0)

    def _hear(self, message, number: int, opened: bool) -> bool:
        """True: it was the last word."""
        flow = message.flow
        if flow.HasField("outcome"):
            self.outcome = outcome_text(flow.outcome)
            self._journal.told(
                "outcome", flow=self._flow_id, outcome=self.outcome, by="watch", watched=opened, stream=number
            )
            self.over.set()
            return True
        if message.replaced:
            self._journal.told("replaced", flow=self._flow_id, stream=number)
            return True
        if not opened:
            self._journal.told("watching", flow=self._flow_id, stream=number)
        return False
