"""The enum of error classes, walked: each value is met on the wire, from the real server, with its gRPC code.

What a class is for is said in protos/authflow/v1/error_class.proto, and so is its code. A value without a row fails.
"""

import contextlib
import uuid
from dataclasses import dataclass

import grpc
import pytest
from support import rpc
from support.rpc import flow as flows
from support.wire_client import CANCELLED, COMPLETED, RECORDER, Login, failed, start_request
from support.wire_faults import free_ports, full_disk, locked
from support.wire_refusals import CLASSES, CLIENT_CLASSES, CODES, number, refused
from support.wire_store import flow_log, prune
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product

ALLOWED = "http://127.0.0.1:41871/callback https://tool.example/done"


@dataclass
class Scene:
    """A server that the rows share, a client of it, and the provider with its defaults."""

    world: object
    api: object
    odd: object
    new_wire: object

    def start(self, product: str = "shop", **fields) -> Login:
        return self.api.start(product, **fields)

    def signed_in(self) -> Login:
        login = self.start()
        login.exchange()
        return login

    def refused_exchange(self, name: str, product: str = "shop", **settings) -> Login:
        """A code exchange at a provider with these settings; the flow's log has its failure as the last word."""
        self.odd.set(**settings)
        login = self.start(product)
        login.approve()
        refused(name, login.exchange, login.query, login.token)
        assert flow_log(self.world, login.flow_id) == "started exchange_begun call_failed"
        return login

    def restart(self):
        self.world.kill_and_restart()
        self.api = self.world.client()


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program):
    base = odd_program.base
    fixed = f'ports: 41871 uris: "{ALLOWED.split()[1]}"'
    return new_shared_wire(
        lambda world: product("shop", by_hand(base, USER_IN_ANSWER), LOCAL_APPLICATIONS, sink=world.segment_sink())
        + product("bare", by_hand(base, USER_IN_ANSWER))
        + product("openid", f'issuer: "{base}" client_id: "odd-cli"')
        + product("fixed", by_hand(base, USER_IN_ANSWER), redirect=fixed)
        + product("slow", by_hand(base, USER_IN_ANSWER + " timeout { nanos: 300000000 }"))
        + product("away", f'issuer: "http://127.0.0.1:{free_ports(1)[0]}" client_id: "odd-cli"')
    )


@pytest.fixture
def scene(server, odd, new_wire):
    odd.set(user_in_token=True, user_key="id")
    return Scene(server, server.client(), odd, new_wire)


ROWS = {}


def row(make):
    """What meets the class that the function is named after; gives the world, if it is one of its own."""
    ROWS[make.__name__.upper()] = make


# --- The request ----------------------------------------------------------------------------------------------------


@row
def invalid_request(scene):
    refused("INVALID_REQUEST", lambda: scene.start(redirect_uri="x" * 513))


@row
def unknown_product(scene):
    refused("UNKNOWN_PRODUCT", lambda: scene.start("no-such-product"))


@row
def flow_token_invalid(scene):
    token = scene.start().token
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (forged, token[:-1], "x" * len(token), "x"):
        refused("FLOW_TOKEN_INVALID", lambda wrong=wrong: scene.api.get(wrong), token)
    other = scene.new_wire(product("shop", by_hand(scene.odd.base)))
    refused("FLOW_TOKEN_INVALID", lambda: other.client().get(token), token)


@row
def flow_token_mismatch(scene):
    login = scene.signed_in()
    refused("FLOW_TOKEN_MISMATCH", lambda: scene.api.list("bare", flow_token=login.token), login.token)


@row
def flow_not_found(scene):
    login = scene.start()
    scene.world.kill_and_restart(lambda: prune(scene.world, login.flow_id))
    refused("FLOW_NOT_FOUND", lambda: scene.world.client().get(login.token), login.token)


@row
def flow_finished(scene):
    login = scene.start()
    login.finish(CANCELLED)
    refused("FLOW_FINISHED", lambda: scene.api.step(login.token, flows.STEP_BROWSER_WAIT))


@row
def flow_expired(scene):
    world = scene.new_wire(product("shop", by_hand(scene.odd.base)), limits="browser_wait { seconds: 1 }")
    api = world.client()
    login = api.start("shop")
    watch = api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=login.token), timeout=30)
    ended = [message.flow.outcome for message in watch if message.flow.HasField("outcome")]
    assert [outcome.aborted.reason for outcome in ended] == [flows.ABORT_REASON_EXPIRED]
    refused("FLOW_EXPIRED", lambda: api.step(login.token, flows.STEP_BROWSER_WAIT))
    return world


@row
def request_id_reused(scene):
    login = scene.start()
    other = {"request_id": login.request.request_id, "invocation": login.request.invocation}
    refused("REQUEST_ID_REUSED", lambda: scene.start(**other, no_browser=True), login.request.request_id)


@row
def redirect_uri_not_allowed(scene):
    wrong = "http://127.0.0.1:41872/callback"
    error = refused("REDIRECT_URI_NOT_ALLOWED", lambda: scene.start("fixed", redirect_uri=wrong))
    assert rpc.error_info(error).metadata["redirect_uris"] == ALLOWED
    for allowed in ALLOWED.split():
        assert scene.start("fixed", redirect_uri=allowed).answer.redirect_uri == allowed


@row
def step_not_allowed(scene):
    login = scene.start()
    refused("STEP_NOT_ALLOWED", lambda: scene.api.step(login.token, flows.STEP_CODE_EXCHANGE))


@row
def not_exchanged(scene):
    login = scene.start()
    refused("NOT_EXCHANGED", lambda: login.finish(COMPLETED))
    refused("NOT_EXCHANGED", lambda: scene.api.list("shop", flow_token=login.token))


@row
def attempts_exhausted(scene):
    scene.odd.set(answer="error_403")
    login = scene.start()
    for _ in range(3):
        login.next_attempt()
        refused("CODE_REFUSED", login.exchange, login.query)
    refused("ATTEMPTS_EXHAUSTED", login.next_attempt)


# --- The redirect ---------------------------------------------------------------------------------------------------


@row
def redirect_malformed(scene):
    login = scene.start()
    state = login.answer.state
    for query in ("", f"state={state}", f"state={state}&code=a&code=b", f"state={state}&code=%zz"):
        refused("REDIRECT_MALFORMED", lambda query=query: scene.api.exchange(login.token, query), state)
    assert flow_log(scene.world, login.flow_id) == "started"


@row
def state_mismatch(scene):
    login, other = scene.start(), scene.start()
    other.approve()
    refused("STATE_MISMATCH", lambda: scene.api.exchange(login.token, other.query), other.query, login.answer.state)
    assert flow_log(scene.world, login.flow_id) == "started"
    other.exchange()


@row
def issuer_mismatch(scene):
    scene.odd.set(discovery="on", redirect="wrong_iss")
    login = scene.start("openid")
    login.approve()
    refused("ISSUER_MISMATCH", login.exchange, login.query)
    assert flow_log(scene.world, login.flow_id) == "started call_failed"
    scene.odd.set(redirect="ok")
    login.approve()
    login.exchange()


@row
def denied(scene):
    scene.odd.set(redirect="denied")
    login = scene.start()
    login.approve()
    for _ in range(2):
        refused("DENIED", login.exchange, login.query)
    assert scene.api.get(login.token).outcome.aborted.reason == flows.ABORT_REASON_DENIED


@row
def code_used(scene):
    login = scene.start()
    first, second = login.approve(), login.approve()
    scene.api.exchange(login.token, first)
    refused("CODE_USED", lambda: scene.api.exchange(login.token, second), first, second)


@row
def answer_gone(scene):
    login = scene.signed_in()
    scene.restart()
    refused("ANSWER_GONE", lambda: scene.api.exchange(login.token, login.query), login.query)


# --- The provider ---------------------------------------------------------------------------------------------------


@row
def provider_unreachable(scene):
    error = refused("PROVIDER_UNREACHABLE", lambda: scene.start("away"))
    assert flow_log(scene.world, rpc.error_info(error).metadata["flow_id"]) == "started ended"


@row
def provider_timeout(scene):
    scene.odd.fault("token", hang=True, times=1)
    scene.refused_exchange("PROVIDER_TIMEOUT", "slow")


@row
def provider_rate_limited(scene):
    scene.refused_exchange("PROVIDER_RATE_LIMITED", answer="error_429")


@row
def provider_error(scene):
    scene.refused_exchange("PROVIDER_ERROR", answer="error_503")


@row
def provider_invalid_response(scene):
    scene.refused_exchange("PROVIDER_INVALID_RESPONSE", answer="html")


@row
def provider_refused(scene):
    scene.refused_exchange("PROVIDER_REFUSED", answer="error_200", error="invalid_target")


@row
def provider_client_refused(scene):
    scene.refused_exchange("PROVIDER_CLIENT_REFUSED", answer="error_200", error="invalid_client")


@row
def code_refused(scene):
    login = scene.refused_exchange("CODE_REFUSED", answer="error_400_empty")
    scene.odd.set(answer="normal")
    login.next_attempt()
    login.exchange()


@row
def id_token_invalid(scene):
    scene.refused_exchange("ID_TOKEN_INVALID", "openid", discovery="on", id_token="bad_signature")


@row
def identity_missing(scene):
    scene.refused_exchange("IDENTITY_MISSING", user_id="missing")


@row
def refresh_token_refused(scene):
    refused("REFRESH_TOKEN_REFUSED", lambda: scene.api.refresh("shop", "a-token-of-yesterday"), "a-token-of-yesterday")


@row
def access_token_refused(scene):
    refused("ACCESS_TOKEN_REFUSED", lambda: scene.api.list("shop"))


@row
def access_token_unverifiable(scene):
    refused("ACCESS_TOKEN_UNVERIFIABLE", lambda: scene.api.list("shop", access_token="some-token"), "some-token")


@row
def device_grant_not_offered(scene):
    login = scene.start()
    scene.api.step(login.token, flows.STEP_BROWSER_WAIT)
    request = rpc.tokens.StartDeviceAuthorizationRequest(flow_token=login.token)
    refused("DEVICE_GRANT_NOT_OFFERED", lambda: scene.api.tokens.StartDeviceAuthorization(request), login.token)
    login.exchange()  # the browser's way is still open


# --- Applications and commands --------------------------------------------------------------------------------------


@row
def application_name_invalid(scene):
    login = scene.signed_in()
    create = lambda name: scene.api.create("shop", flow_token=login.token, name=name)  # noqa: E731
    for wrong in ("", " Books", "Books ", "Bo\toks", "\u202eBooks", "B" * 65):
        refused("APPLICATION_NAME_INVALID", lambda wrong=wrong: create(wrong))


@row
def application_name_taken(scene):
    login = scene.signed_in()
    name = uuid.uuid4().hex
    scene.api.create("shop", flow_token=login.token, name=name)
    refused("APPLICATION_NAME_TAKEN", lambda: scene.api.create("shop", flow_token=login.token, name=name))


@row
def region_not_offered(scene):
    login = scene.signed_in()
    refused("REGION_NOT_OFFERED", lambda: scene.api.create("shop", flow_token=login.token, region="mars"))


@row
def applications_not_configured(scene):
    login = scene.start("bare")
    login.exchange()
    refused("APPLICATIONS_NOT_CONFIGURED", lambda: scene.api.list("bare", flow_token=login.token))


@row
def page_token_invalid(scene):
    login = scene.signed_in()
    refused("PAGE_TOKEN_INVALID", lambda: scene.api.list("shop", flow_token=login.token, page_token="page-2"))


@row
def not_invoked(scene):
    refused("NOT_INVOKED", lambda: scene.api.complete("shop", str(uuid.uuid4())))


# --- The server -----------------------------------------------------------------------------------------------------


@row
def store_unavailable(scene):
    with locked(scene.world):
        refused("STORE_UNAVAILABLE", scene.start)
    scene.start()


@row
def store_full(scene):
    with full_disk(scene.world):
        refused("STORE_FULL", scene.start)
    scene.start()


@row
def server_busy(scene):
    """More starts wait than are answered, as none is while the store is locked; what has begun goes on."""
    begun = scene.start()
    with locked(scene.world):
        waiting = [scene.api.flows.StartFlow.future(start_request("shop"), timeout=30) for _ in range(600)]

        def turned_away():
            while True:
                waiting.append(scene.api.flows.StartFlow.future(start_request("shop"), timeout=30))
                with contextlib.suppress(grpc.FutureTimeoutError):
                    waiting[-1].result(timeout=0.05)

        refusal = refused("SERVER_BUSY", turned_away)
        assert not scene.api.get(begun.token).HasField("outcome")
    assert dict(refusal.trailing_metadata())["grpc-retry-pushback-ms"] == "500"
    assert {call.code() for call in waiting} <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}  # each is answered
    scene.start()


# --- What only a client says ----------------------------------------------------------------------------------------


def said_by_a_client(scene, name: str):
    """The outcome of a flow: in the answer, in the event and in the metrics."""
    login = scene.start()
    assert login.finish(failed(number(name))).outcome.failed.error_class == number(name)
    [message] = scene.world.wait_event("CLI Auth Failed", flow_id=login.flow_id)
    assert message["properties"]["error_class"] == name
    assert scene.world.metrics().sum("authflow_flows_finished_total", outcome="failed", error_class=name) == 1


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_is_met(scene, name):
    if name in CLIENT_CLASSES:
        said_by_a_client(scene, name)
        return
    world = ROWS[name](scene) or scene.world
    assert world.server.err.wait(rf'"reason":"{name}","message":"\w', 10), "the server's log does not say so"
    assert (name, CODES[name]) in {(status.reason, status.code) for status in RECORDER.statuses}


def test_every_value_of_the_enum_was_seen():
    """Whatever else this run did, each refusal has the code of its class; none came without a class."""
    assert set(ROWS) | set(CLIENT_CLASSES) == set(CLASSES)
    seen = {(status.reason, status.code) for status in RECORDER.statuses if status.domain == "authflow"}
    assert seen == {(name, CODES[name]) for name in CLASSES if name not in CLIENT_CLASSES}
