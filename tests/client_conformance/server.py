"""The scripted server: a small authflow that writes down what it is asked, and answers by plan where a scenario says so."""

import secrets
import socket
import threading
import time
import urllib.parse
import uuid
from collections import defaultdict, deque
from concurrent import futures
from dataclasses import dataclass, field

import grpc
from relay import Relay
from support import rpc

FLOW = rpc.flow
AUTHORIZE = "https://id.example.com/authorize"
# A gRPC deadline that nobody set comes as a very large number.
NO_DEADLINE = 1e6
CODES = {
    "ANSWER_GONE": grpc.StatusCode.ABORTED,
    "STATE_MISMATCH": grpc.StatusCode.PERMISSION_DENIED,
    "DENIED": grpc.StatusCode.PERMISSION_DENIED,
    "REDIRECT_URI_NOT_ALLOWED": grpc.StatusCode.INVALID_ARGUMENT,
    "FLOW_TOKEN_INVALID": grpc.StatusCode.UNAUTHENTICATED,
}


class Refused(Exception):
    def __init__(self, reason: str, message: str = "", **metadata: str):
        super().__init__(message or f"The kit refuses with {reason}.")
        self.reason, self.metadata = reason, metadata


@dataclass
class Call:
    method: str
    request: object
    at: float
    deadline: float | None  # seconds from when it came
    answered: bool = False


@dataclass
class Watch:
    """One WatchFlow stream. `end` makes it say something last."""

    token: str
    at: float
    closed_at: float = 0
    said: deque = field(default_factory=deque)


@dataclass
class Flow:
    request: bytes
    flow_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = field(default_factory=lambda: "flow-" + secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    redirect_uri: str = ""
    step: int = 0
    attempt: int = 1
    refused: bool = False
    query: str = ""
    exchanged: bool = False
    outcome: object = None
    user_codes: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        asked = {"attempt": self.attempt, "state": self.state, "redirect_uri": self.redirect_uri}
        return f"{AUTHORIZE}?client_id=conformance&{urllib.parse.urlencode(asked)}"

    def message(self):
        now = int(time.time())
        flow = FLOW.Flow(flow_id=self.flow_id, product="conformance", kind=FLOW.FLOW_KIND_LOGIN, step=self.step)
        flow.attempt = self.attempt
        flow.start_time.seconds, flow.expire_time.seconds = now, now + 600
        if self.outcome is not None:
            flow.outcome.CopyFrom(self.outcome)
        return flow


def done(do, server, context):
    return do()


class Server:
    """`changed` is notified whenever something has happened; it also guards what stands here."""

    def __init__(self, changed: threading.Condition):
        self.changed = changed
        self.calls: list[Call] = []
        self.watches: list[Watch] = []
        self.flows: list[Flow] = []
        self.secrets: set[str] = set()
        self.listening_at_start: list[bool] = []
        self.device_grant = False
        self.verification_uri = "https://id.example.com/device"
        # Per method: how to answer the calls that come, in order; then all are just done.
        self.plan: dict[str, deque] = defaultdict(deque)
        self.access_token = "access-" + secrets.token_urlsafe(24)
        self.refresh_token = "refresh-" + secrets.token_urlsafe(24)
        self.secrets |= {self.access_token, self.refresh_token}
        self._server = grpc.server(futures.ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        self._serve("FlowService", rpc.flow_service_pb2_grpc, "StartFlow RecordStep FinishFlow GetFlow WatchFlow")
        tokens = "ExchangeCode StartDeviceAuthorization AwaitDevice RefreshToken RevokeToken"
        self._serve("TokenService", rpc.token_service_pb2_grpc, tokens)
        self._serve("ApplicationService", rpc.application_service_pb2_grpc, "ListApplications CreateApplication")
        self._serve("CommandService", rpc.command_service_pb2_grpc, "StartCommand FinishCommand")
        self.relay = Relay(self._server.add_insecure_port("127.0.0.1:0"))
        self._server.start()

    def close(self):
        self.relay.close()
        self._server.stop(0)

    # --- What scenarios read -------------------------------------------------------------------------------------

    def of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def flow(self) -> Flow:
        return self.flows[-1]

    @property
    def open_watches(self) -> list[Watch]:
        return [watch for watch in self.watches if not watch.closed_at]

    def work(self) -> list[Call]:
        """All calls but those of commands, which stand beside a login."""
        return [call for call in self.calls if not call.method.endswith("Command")]

    # --- What scenarios do ---------------------------------------------------------------------------------------

    def end_flow(self, outcome):
        with self.changed:
            self.flow.outcome = outcome
            self.changed.notify_all()

    def tell_watches(self, **fields):
        """A last message: draining=True, replaced=True."""
        with self.changed:
            for watch in self.open_watches:
                watch.said.append(fields)
            self.changed.notify_all()

    # --- The services --------------------------------------------------------------------------------------------

    def _serve(self, name: str, module, methods: str):
        servicer = type(name, (), {method: self._handler(method) for method in methods.split()})
        getattr(module, f"add_{name}Servicer_to_server")(servicer(), self._server)

    def _handler(self, method: str):
        if method == "WatchFlow":
            return lambda _, request, context: self._watch(request, context)
        return lambda _, request, context: self._call(method, request, context)

    def _call(self, method: str, request, context):
        left = context.time_remaining()
        call = Call(method, request, time.monotonic(), left if left is not None and left < NO_DEADLINE else None)
        with self.changed:
            self.calls.append(call)
            answer = self.plan[method].popleft() if self.plan[method] else done
            self.changed.notify_all()
        if method == "StartFlow":
            self.listening_at_start.append(_accepts(request.redirect_uri))
        try:
            return answer(lambda: self._locked(method, request), self, context)
        except Refused as refusal:
            _abort(context, refusal)
        finally:
            with self.changed:
                call.answered = True
                self.changed.notify_all()

    def _locked(self, method: str, request):
        with self.changed:
            response = getattr(self, "_" + method.lower())(request)
            self.changed.notify_all()
            return response

    def _find(self, token: str) -> Flow:
        for flow in self.flows:
            if flow.token == token:
                return flow
        raise Refused("FLOW_TOKEN_INVALID")

    def _startflow(self, request):
        wire = request.SerializeToString(deterministic=True)
        flow = next((flow for flow in self.flows if flow.request == wire), None)
        if flow is None:
            flow = Flow(wire, redirect_uri=request.redirect_uri)
            self.flows.append(flow)
            self.secrets |= {flow.token, request.request_id}
        return rpc.flows.StartFlowResponse(
            flow=flow.message(),
            flow_token=flow.token,
            authorization_url=flow.url,
            state=flow.state,
            redirect_uri=flow.redirect_uri,
            device_grant=self.device_grant,
        )

    def _recordstep(self, request):
        flow = self._find(request.flow_token)
        if flow.outcome is not None:
            raise Refused("FLOW_FINISHED")
        if request.step in (FLOW.STEP_CODE_EXCHANGE, FLOW.STEP_APPS_FETCH, FLOW.STEP_UNSPECIFIED):
            raise Refused("STEP_NOT_ALLOWED")
        flow.step = request.step
        if request.step != FLOW.STEP_BROWSER_WAIT:
            return rpc.flows.RecordStepResponse(flow=flow.message())
        if flow.refused:
            if flow.attempt == 3:
                raise Refused("ATTEMPTS_EXHAUSTED")
            flow.attempt, flow.refused, flow.query = flow.attempt + 1, False, ""
            flow.state = secrets.token_urlsafe(32)
        return rpc.flows.RecordStepResponse(flow=flow.message(), authorization_url=flow.url, state=flow.state)

    def _exchangecode(self, request):
        flow = self._find(request.flow_token)
        told = urllib.parse.parse_qs(request.redirect_query)
        if told.get("state") != [flow.state]:
            raise Refused("STATE_MISMATCH")
        if "error" in told:
            flow.outcome = FLOW.Outcome(aborted=FLOW.Outcome.Aborted(reason=FLOW.ABORT_REASON_DENIED))
            raise Refused("DENIED", "The sign-in was declined in the browser.")
        if flow.query not in ("", request.redirect_query):
            raise Refused("CODE_USED")
        flow.query, flow.exchanged = request.redirect_query, True
        flow.step = FLOW.STEP_CODE_EXCHANGE
        return rpc.tokens.ExchangeCodeResponse(**self._signed_in())

    def _signed_in(self) -> dict:
        tokens = rpc.tokens.Tokens(access_token=self.access_token, refresh_token=self.refresh_token, scopes=["openid"])
        tokens.expire_time.seconds = int(time.time()) + 3600
        return {"tokens": tokens, "identity": rpc.tokens.Identity(user_id="user-1", email="kit@example.com")}

    def _finishflow(self, request):
        flow = self._find(request.flow_token)
        if flow.outcome is None:
            if request.outcome.HasField("completed") and not flow.exchanged:
                raise Refused("NOT_EXCHANGED")
            flow.outcome = request.outcome
        return rpc.flows.FinishFlowResponse(flow=flow.message())

    def _getflow(self, request):
        return rpc.flows.GetFlowResponse(flow=self._find(request.flow_token).message())

    def _listapplications(self, request):
        shop = rpc.applications.Application(id="app-1", name="Shop", region="eu")
        return rpc.applications.ListApplicationsResponse(applications=[shop], regions=["eu"])

    def _createapplication(self, request):
        return rpc.applications.CreateApplicationResponse(
            application=rpc.applications.Application(id="app-2", name=request.name, region=request.region or "eu")
        )

    def _startdeviceauthorization(self, request):
        flow = self._find(request.flow_token)
        if not self.device_grant:
            raise Refused("DEVICE_GRANT_NOT_OFFERED")
        if flow.step != FLOW.STEP_BROWSER_WAIT:
            raise Refused("STEP_NOT_ALLOWED")
        flow.user_codes.append("-".join("".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(4)) for _ in "ab"))
        device_code = f"device {flow.attempt} {secrets.token_urlsafe(24)}"
        self.secrets.add(device_code)
        response = rpc.tokens.StartDeviceAuthorizationResponse(
            user_code=flow.user_codes[-1], verification_uri=self.verification_uri, device_code=device_code
        )
        response.expires_in.seconds = 600
        return response

    def _awaitdevice(self, request):
        flow = self._find(request.flow_token)
        if request.device_code not in self.secrets or request.device_code.split()[1] != str(flow.attempt):
            raise Refused("STATE_MISMATCH")
        flow.exchanged, flow.step = True, FLOW.STEP_CODE_EXCHANGE
        return rpc.tokens.AwaitDeviceResponse(**self._signed_in())

    def _refreshtoken(self, request):
        raise Refused("REFRESH_TOKEN_REFUSED")

    def _revoketoken(self, request):
        return rpc.tokens.RevokeTokenResponse(revoked=True)

    def _startcommand(self, request):
        return rpc.commands.StartCommandResponse()

    def _finishcommand(self, request):
        return rpc.commands.FinishCommandResponse()

    def _watch(self, request, context):
        watch = Watch(request.flow_token, time.monotonic())
        with self.changed:
            self.watches.append(watch)
            refusal = self.plan["WatchFlow"][0] if self.plan["WatchFlow"] else None
            self.changed.notify_all()

        def closed():
            with self.changed:
                watch.closed_at = time.monotonic()
                self.changed.notify_all()

        if not context.add_callback(closed):
            closed()
            return
        if refusal:
            context.abort(grpc.StatusCode.UNAVAILABLE, "The kit is away for a moment.")
        try:
            with self.changed:
                flow = self._find(request.flow_token)
        except Refused as refused:
            _abort(context, refused)
        said = {}
        while True:
            with self.changed:
                message = rpc.flows.WatchFlowResponse(flow=flow.message(), **said)
            yield message
            if said or message.flow.HasField("outcome"):
                return
            with self.changed:
                news = lambda: watch.said or watch.closed_at or flow.outcome is not None  # noqa: E731
                self.changed.wait_for(news, timeout=10)
                if watch.closed_at:
                    return
                said = watch.said.popleft() if watch.said else {}


def _accepts(uri: str) -> bool:
    """True if somebody listens there."""
    try:
        place = urllib.parse.urlsplit(uri)
        socket.create_connection((place.hostname, place.port), timeout=1).close()
        return True
    except (OSError, ValueError, TypeError):
        return False


def _abort(context, refusal: Refused):
    info = rpc.error_details_pb2.ErrorInfo(reason=refusal.reason, domain="authflow", metadata=refusal.metadata)
    code = CODES.get(refusal.reason, grpc.StatusCode.FAILED_PRECONDITION)
    status = rpc.status_pb2.Status(code=code.value[0], message=str(refusal))
    status.details.add().Pack(info)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, str(refusal))


# --- Ways to answer a call -----------------------------------------------------------------------------------------


def refuse(reason: str, **metadata: str):
    def answer(do, server, context):
        if reason in ("ANSWER_GONE", "CODE_REFUSED"):
            server.flow.refused = True
        raise Refused(reason, **metadata)

    return answer


def pending(do, server, context):
    """AwaitDevice's, when the person has not decided."""
    return rpc.tokens.AwaitDeviceResponse(pending=True)


def lose(do, server, context):
    """Does it; then the connection breaks before anything was answered."""
    response = do()
    server.relay.cut()
    return response


def hold(until: threading.Event):
    """Does it, and answers when the event is set."""

    def answer(do, server, context):
        response = do()
        until.wait(60)
        return response

    return answer
