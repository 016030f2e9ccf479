#!/usr/bin/python3
"""A whole login against authflowd: AUTHFLOW_SERVER=host:port AUTHFLOW_PRODUCT=name login.py [--device]

With --device it shows a code to type in anywhere (RFC 8628). The numbers D1..D20 are those of docs/client-guide.md. README.md says how to run it.
"""

import contextlib
import http.server
import json
import os
import queue
import random
import signal
import sys
import threading
import time
import urllib.parse
import uuid
import webbrowser
from pathlib import Path

import grpc
from authflow.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc, token_service_pb2, token_service_pb2_grpc
from authflow.v1.invocation_pb2 import Invocation
from google.rpc import error_details_pb2, status_pb2

SERVICE_CONFIG = Path(__file__).parents[2] / "protos/authflow/v1/service_config.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NEXT_ATTEMPT = {"CODE_REFUSED", "CODE_USED", "ANSWER_GONE", ""}  # "": no answer could be had


def error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    """What the server refused with; an empty reason is the network's word, not the server's."""
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info) and info.domain == "authflow":
                    return info
    return error_details_pb2.ErrorInfo()


def folder() -> Path:
    path = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "authflow-python-example"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def keep(name: str, text: str):
    """Written beside its place with mode 0600, then moved there: never half a file."""
    beside = folder() / f".{name}.{os.getpid()}"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(folder() / name)


def invocation() -> Invocation:
    opted_out = os.environ.get("DO_NOT_TRACK", "0") not in ("", "0", "false")
    run = Invocation(invocation_id=str(uuid.uuid4()), command="login.py", do_not_track=opted_out)
    if not opted_out:
        if not (folder() / "installation").exists():
            keep("installation", str(uuid.uuid4()))
        run.anonymous_id = (folder() / "installation").read_text()
    return run


@contextlib.contextmanager
def undisturbed():
    """A signal that comes meanwhile is a KeyboardInterrupt afterwards."""
    came = []
    for number in SIGNALS:
        signal.signal(number, lambda *_: came.append(True))
    yield
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


class Page:
    """What the browser waits for."""

    def __init__(self):
        self.text, self.sent = queue.SimpleQueue(), threading.Event()

    def say(self, text: str):
        self.text.put(text)
        self.sent.wait(1)  # or it would be lost if we exit


class Listener(http.server.ThreadingHTTPServer):
    """Where the provider sends the browser. A redirect goes to `happened` and waits for its page."""

    daemon_threads = True

    def __init__(self, happened: queue.SimpleQueue, address=("127.0.0.1", 0), path="/callback"):
        super().__init__(address, self.Handler)
        self.happened, self.path, self.state = happened, path, ""
        self.uri = f"http://{address[0]}:{self.server_port}{path}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urllib.parse.urlsplit(self.path)
            states = urllib.parse.parse_qs(asked.query).get("state", [])
            if asked.path != self.server.path or states != [self.server.state]:
                return self.send_error(404)  # D8
            page = Page()
            self.server.happened.put(("redirect", asked.query, page))
            body = page.text.get().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            page.sent.set()

        def log_message(self, *_):  # the query is secret
            pass


class Ended(Exception):
    """The server ended the flow."""


class Login:
    def __init__(self, server: str, product: str, device: bool = False):
        options = [("grpc.service_config", SERVICE_CONFIG.read_text())]  # asks again (D13)
        options += [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 3000)]
        channel = grpc.insecure_channel(server, options)  # plaintext: on this machine only
        self.flows = flow_service_pb2_grpc.FlowServiceStub(channel)
        self.tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        self.product, self.device = product, device
        self.happened = queue.SimpleQueue()
        self.starting = None  # StartFlow's future
        self.token = ""
        self.ended = False  # by the server's word

    def run(self) -> int:
        outcome = flow_pb2.Outcome()
        try:
            self.start()
            answer = self.sign_in_with_code() if self.device else self.sign_in()
            self.step(flow_pb2.STEP_PROFILE_CONFIGURE)  # D14
            keep("tokens", json.dumps({"access": answer.tokens.access_token, "refresh": answer.tokens.refresh_token}))
            outcome.completed.SetInParent()
        except KeyboardInterrupt:
            outcome.aborted.reason = flow_pb2.ABORT_REASON_USER_CANCELLED
            print("Cancelled.", file=sys.stderr)
        except grpc.RpcError as error:
            outcome.failed.error_class = 0 if error_info(error).reason else 74  # the server's refusal, or CLIENT_NETWORK
            print(f"The sign-in failed: {error.details()}", file=sys.stderr)
        except Ended as how:
            outcome.failed.SetInParent()
            print(how, file=sys.stderr)
        except OSError as error:
            outcome.failed.error_class = 71  # CLIENT_PROFILE_WRITE
            print(f"You signed in, but it could not be kept: {error.strerror}", file=sys.stderr)
        self.finish(outcome)
        if outcome.HasField("completed"):
            print(f"Signed in as {answer.identity.email or answer.identity.user_id}.")
        return 0 if outcome.HasField("completed") else 2 if outcome.HasField("aborted") else 1

    def start(self):
        if self.device:
            self.begin(self.start_at(""))
            return
        self.listener = Listener(self.happened)  # D1
        try:
            answer = self.start_at(self.listener.uri)
        except grpc.RpcError as error:
            if error_info(error).reason != "REDIRECT_URI_NOT_ALLOWED":
                raise
            wanted = urllib.parse.urlsplit(error_info(error).metadata["redirect_uris"].split()[0])  # D4
            self.listener = Listener(self.happened, (wanted.hostname, wanted.port or 0), wanted.path)
            answer = self.start_at(self.listener.uri)
        self.begin(answer)

    def begin(self, answer: flow_service_pb2.StartFlowResponse):
        self.token = answer.flow_token
        threading.Thread(target=self.watch, daemon=True).start()

    def start_at(self, redirect_uri: str) -> flow_service_pb2.StartFlowResponse:
        request = flow_service_pb2.StartFlowRequest(
            request_id=str(uuid.uuid4()),  # D2
            product=self.product,
            kind=flow_pb2.FLOW_KIND_LOGIN,
            redirect_uri=redirect_uri,
            no_browser=self.device,
            invocation=invocation(),
        )
        with undisturbed():  # a call that nobody knows of would be a flow that nobody ends
            self.starting = self.flows.StartFlow.future(request, timeout=20)  # D18
        return self.starting.result()

    def watch(self):
        """Our sign of life (D5), again and again (D6), until the flow has ended."""
        pause = 0.1
        while True:
            try:
                for message in self.flows.WatchFlow(flow_service_pb2.WatchFlowRequest(flow_token=self.token)):
                    pause = 0.1
                    if message.flow.HasField("outcome"):
                        return self.happened.put(("ended", message.flow.outcome, None))
                    if message.replaced:
                        return None
            except grpc.RpcError as error:
                if error_info(error).reason not in ("", "STORE_UNAVAILABLE"):
                    return None
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 1.6, 3)

    def step(self, step: int) -> flow_service_pb2.RecordStepResponse:
        return self.flows.RecordStep(flow_service_pb2.RecordStepRequest(flow_token=self.token, step=step), timeout=20)

    def sign_in(self) -> token_service_pb2.ExchangeCodeResponse:
        for attempt in (1, 2, 3):  # D12
            opened = self.step(flow_pb2.STEP_BROWSER_WAIT)  # D7
            self.listener.state = opened.state
            print(f"Your browser opens. If it does not, open this address:\n\n{opened.authorization_url}\n")
            self.open(opened.authorization_url)
            while True:
                what, value, page = self.next()
                if what == "ended":
                    self.over(value)
                try:
                    answer = self.exchange(value)
                    page.say("You are signed in. You can close this page.")  # D10
                    return answer
                except grpc.RpcError as error:
                    reason = error_info(error).reason
                    page.say("You are not signed in. Your terminal says more.")
                    if reason in ("STATE_MISMATCH", "REDIRECT_MALFORMED"):
                        continue  # D11
                    if reason not in NEXT_ATTEMPT or attempt == 3:
                        raise
                    break

    def sign_in_with_code(self) -> token_service_pb2.AwaitDeviceResponse:
        for attempt in (1, 2, 3):  # D12
            self.step(flow_pb2.STEP_BROWSER_WAIT)
            request = token_service_pb2.StartDeviceAuthorizationRequest(flow_token=self.token)
            device = self.tokens.StartDeviceAuthorization(request, timeout=20)
            print(f"Open {device.verification_uri} on any device, and type in this code: {device.user_code}", flush=True)
            try:
                return self.await_device(device.device_code)
            except grpc.RpcError as error:
                if error_info(error).reason not in NEXT_ATTEMPT or attempt == 3:
                    raise

    def await_device(self, device_code: str) -> token_service_pb2.AwaitDeviceResponse:
        """Asks until the person has decided (D20)."""
        request = token_service_pb2.AwaitDeviceRequest(flow_token=self.token, device_code=device_code)
        while True:
            asked = time.monotonic()
            call = self.tokens.AwaitDevice.future(request, timeout=150)
            call.add_done_callback(lambda done: self.happened.put(("answered", done, None)))
            what, value, _ = self.next()
            if what == "ended" and not call.done():
                self.over(value)
            answer = call.result()
            if not answer.pending:
                return answer
            time.sleep(max(0, asked + 1 - time.monotonic()))  # a server that stops holds no call

    def over(self, outcome: flow_pb2.Outcome):
        self.ended = True  # D17
        expired = outcome.aborted.reason == flow_pb2.ABORT_REASON_EXPIRED
        raise Ended("The time ran out." if expired else "The sign-in was ended elsewhere.")

    def next(self):
        """What happens next. Not one long wait: Python would not see a signal that comes just before it."""
        while True:
            try:
                return self.happened.get(timeout=0.2)
            except queue.Empty:
                pass

    def exchange(self, query: str) -> token_service_pb2.ExchangeCodeResponse:
        request = token_service_pb2.ExchangeCodeRequest(flow_token=self.token, redirect_query=query)  # D9
        return self.tokens.ExchangeCode(request, timeout=150)

    def open(self, url: str):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def finish(self, outcome: flow_pb2.Outcome):
        """The one place that ends the flow (D15)."""
        hurry = outcome.HasField("aborted")  # D16: a second for all
        try:
            if hurry and self.starting and not self.token:
                self.token = self.starting.result(timeout=0.4).flow_token
            if self.token and not self.ended:
                request = flow_service_pb2.FinishFlowRequest(flow_token=self.token, outcome=outcome)
                self.flows.FinishFlow(request, timeout=0.5 if hurry else 10)
        except (grpc.RpcError, grpc.FutureTimeoutError, grpc.FutureCancelledError, KeyboardInterrupt):
            pass  # the watch breaks with us: the server ends the flow


def main() -> int:
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    server, product = os.environ.get("AUTHFLOW_SERVER", "127.0.0.1:7443"), os.environ.get("AUTHFLOW_PRODUCT", "dev")
    return Login(server, product, "--device" in sys.argv[1:]).run()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # not waiting for a browser, a page or a stream
