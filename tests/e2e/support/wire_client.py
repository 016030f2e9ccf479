"""Calls to the server as another language would make them, with every status written down."""

import http.server
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field

import grpc

from support import rpc

FLOW = rpc.flow
TIMEOUT = 30


@dataclass(frozen=True)
class Status:
    method: str
    code: str
    reason: str
    domain: str
    message: str


class Recorder(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Keeps each status that arrives, of all clients of this test run."""

    def __init__(self):
        self._lock = threading.Lock()
        self.statuses: list[Status] = []

    def _record(self, method: str, call):
        info = rpc.error_info(call) if call.code() is not grpc.StatusCode.OK else None
        status = Status(
            method.rsplit("/", 1)[1],
            call.code().name,
            info.reason if info else "",
            info.domain if info else "",
            call.details() or "",
        )
        with self._lock:
            self.statuses.append(status)

    def intercept_unary_unary(self, continuation, details, request):
        call = continuation(details, request)
        call.add_done_callback(lambda done: self._record(details.method, done))
        return call

    def intercept_unary_stream(self, continuation, details, request):
        call = continuation(details, request)
        call.add_done_callback(lambda done: self._record(details.method, done))
        return call


RECORDER = Recorder()


class Wire:
    """The four services, with short calls for what tests do all the time."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None):
        # A server that was restarted is found again at once.
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
        options += [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        options += [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
        if credentials:
            channel = grpc.secure_channel(address, credentials, options)
        else:
            channel = grpc.insecure_channel(address, options)
        self._channel = channel
        self.channel = grpc.intercept_channel(channel, RECORDER)
        self.flows = rpc.flow_service_pb2_grpc.FlowServiceStub(self.channel)
        self.tokens = rpc.token_service_pb2_grpc.TokenServiceStub(self.channel)
        self.applications = rpc.application_service_pb2_grpc.ApplicationServiceStub(self.channel)
        self.commands = rpc.command_service_pb2_grpc.CommandServiceStub(self.channel)

    def close(self):
        self._channel.close()

    def wait_ready(self, timeout: float = 15.0):
        grpc.channel_ready_future(self._channel).result(timeout)

    def raw(self, path: str, request: bytes):
        return self.channel.unary_unary(path)(request, timeout=TIMEOUT)

    def start(self, product: str, **fields) -> "Login":
        request = start_request(product, **fields)
        return Login(self, request, self.flows.StartFlow(request, timeout=TIMEOUT))

    def step(self, token: str, step: int):
        return self.flows.RecordStep(rpc.flows.RecordStepRequest(flow_token=token, step=step), timeout=TIMEOUT)

    def finish(self, token: str, outcome):
        return self.flows.FinishFlow(rpc.flows.FinishFlowRequest(flow_token=token, outcome=outcome), timeout=TIMEOUT)

    def get(self, token: str):
        return self.flows.GetFlow(rpc.flows.GetFlowRequest(flow_token=token), timeout=TIMEOUT).flow

    def exchange(self, token: str, query: str, timeout: float = TIMEOUT):
        request = rpc.tokens.ExchangeCodeRequest(flow_token=token, redirect_query=query)
        return self.tokens.ExchangeCode(request, timeout=timeout)

    def refresh(self, product: str, refresh_token: str):
        request = rpc.tokens.RefreshTokenRequest(product=product, refresh_token=refresh_token)
        return self.tokens.RefreshToken(request, timeout=TIMEOUT)

    def revoke(self, product: str, tokens, who=None):
        request = rpc.tokens.RevokeTokenRequest(product=product, tokens=tokens, invocation=who)
        return self.tokens.RevokeToken(request, timeout=TIMEOUT)

    def list(self, product: str, **fields):
        request = rpc.applications.ListApplicationsRequest(product=product, **fields)
        return self.applications.ListApplications(request, timeout=TIMEOUT)

    def create(self, product: str, **fields):
        request = rpc.applications.CreateApplicationRequest(
            **{"request_id": str(uuid.uuid4()), "product": product, "name": "Shop"} | fields
        )
        return self.applications.CreateApplication(request, timeout=TIMEOUT)

    def invoke(self, product: str, who):
        request = rpc.commands.StartCommandRequest(product=product, invocation=who)
        return self.commands.StartCommand(request, timeout=TIMEOUT)

    def complete(self, product: str, invocation_id: str, **fields):
        request = rpc.commands.FinishCommandRequest(product=product, invocation_id=invocation_id, **fields)
        return self.commands.FinishCommand(request, timeout=TIMEOUT)


@dataclass
class Login:
    """A flow under way. `approve` plays the browser at providers_odd.mjs, which asks nobody."""

    api: Wire
    request: object
    answer: object
    query: str = field(default="", repr=False)

    @property
    def token(self) -> str:
        return self.answer.flow_token

    @property
    def flow_id(self) -> str:
        return self.answer.flow.flow_id

    @property
    def invocation_id(self) -> str:
        return self.request.invocation.invocation_id

    def approve(self, url: str = "") -> str:
        self.query = follow(url or self.answer.authorization_url)
        return self.query

    def next_attempt(self) -> str:
        """Into the browser again: the new redirect's query."""
        opened = self.api.step(self.token, FLOW.STEP_BROWSER_WAIT)
        return self.approve(opened.authorization_url)

    def exchange(self):
        if not self.query:
            self.approve()
        return self.api.exchange(self.token, self.query)

    def finish(self, outcome):
        return self.api.finish(self.token, outcome).flow


COMPLETED = FLOW.Outcome(completed=FLOW.Outcome.Completed())
CANCELLED = FLOW.Outcome(aborted=FLOW.Outcome.Aborted(reason=FLOW.ABORT_REASON_USER_CANCELLED))


def failed(error_class: int = 0):
    return FLOW.Outcome(failed=FLOW.Outcome.Failed(error_class=error_class))


def invocation(**fields) -> rpc.Invocation:
    given = {
        "invocation_id": str(uuid.uuid4()),
        "anonymous_id": str(uuid.uuid4()),
        "command": "tool auth login",
        "version": "1.2.3",
        "operating_system": "linux",
        "cli_context": "terminal",
    }
    return rpc.Invocation(**given | fields)


def start_request(product: str, **fields) -> rpc.flows.StartFlowRequest:
    given = {
        "request_id": str(uuid.uuid4()),
        "product": product,
        "kind": FLOW.FLOW_KIND_LOGIN,
        "redirect_uri": "http://127.0.0.1:34567/callback",
    }
    if "invocation" not in fields:
        given["invocation"] = invocation()
    return rpc.flows.StartFlowRequest(**given | fields)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def location(url: str) -> str:
    """Where a page redirects to."""
    try:
        with _OPENER.open(url, timeout=TIMEOUT) as page:
            raise AssertionError(f"no redirect but a page of status {page.status}")
    except urllib.error.HTTPError as error:
        assert error.code in (302, 303), f"no redirect but status {error.code}: {error.read()[:300]!r}"
        return error.headers["Location"]


def follow(url: str) -> str:
    """The query of the redirect that `url` answers with."""
    return urllib.parse.urlsplit(location(url)).query


def parameters(url: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True))


class Loopback:
    """The listener of a CLI: keeps the query of the last redirect."""

    def __init__(self, port: int = 0):
        self._arrived = threading.Condition()
        self._queries: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with outer._arrived:
                    outer._queries.append(urllib.parse.urlsplit(self.path).query)
                    outer._arrived.notify_all()
                body = b"<title>Done</title><h1>Done</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"

    def browse(self, services, url: str, **person) -> str:
        """A person signs in at provider.mjs; the redirect's query."""
        with self._arrived:
            before = len(self._queries)
        page = services.http.post("/open", {"url": url, **person})
        assert page["ok"], page
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._queries) > before, TIMEOUT)
            return self._queries[-1]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def at_once(number: int, work) -> list:
    """work(i) on that many threads that begin together. The results in order; an exception is a result."""
    together = threading.Barrier(number)
    results: list = [None] * number

    def one(index: int):
        together.wait()
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001
            results[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
