"""Requests that are not of the form that the protos say: refused before anything happens, with the field's name."""

import uuid

import grpc
import pytest
from support import rpc
from support.rpc import flow as flows
from support.wire_client import CANCELLED, failed, invocation, start_request
from support.wire_refusals import refused
from support.wire_store import count, flow_log
from support.wire_world import LOCAL_APPLICATIONS, by_hand, product

SERVICES = {
    "StartFlow": ("flows", rpc.flows.StartFlowRequest),
    "RecordStep": ("flows", rpc.flows.RecordStepRequest),
    "FinishFlow": ("flows", rpc.flows.FinishFlowRequest),
    "GetFlow": ("flows", rpc.flows.GetFlowRequest),
    "ExchangeCode": ("tokens", rpc.tokens.ExchangeCodeRequest),
    "StartDeviceAuthorization": ("tokens", rpc.tokens.StartDeviceAuthorizationRequest),
    "AwaitDevice": ("tokens", rpc.tokens.AwaitDeviceRequest),
    "RefreshToken": ("tokens", rpc.tokens.RefreshTokenRequest),
    "RevokeToken": ("tokens", rpc.tokens.RevokeTokenRequest),
    "ListApplications": ("applications", rpc.applications.ListApplicationsRequest),
    "CreateApplication": ("applications", rpc.applications.CreateApplicationRequest),
    "StartCommand": ("commands", rpc.commands.StartCommandRequest),
    "FinishCommand": ("commands", rpc.commands.FinishCommandRequest),
}
TOKEN = "replaced-by-the-flow's"
WHO = invocation()
GOOD = {
    "StartFlow": {"product": "shop", "kind": 1, "redirect_uri": "http://127.0.0.1:34567/callback", "invocation": WHO},
    "RecordStep": {"flow_token": TOKEN, "step": 1},
    "FinishFlow": {"flow_token": TOKEN, "outcome": CANCELLED},
    "GetFlow": {"flow_token": TOKEN},
    "ExchangeCode": {"flow_token": TOKEN, "redirect_query": "code=c&state=s"},
    "StartDeviceAuthorization": {"flow_token": TOKEN},
    "AwaitDevice": {"flow_token": TOKEN, "device_code": "sealed"},
    "RefreshToken": {"product": "shop", "refresh_token": "a-refresh-token"},
    "RevokeToken": {"product": "shop", "tokens": rpc.tokens.Tokens(refresh_token="a-refresh-token")},
    "ListApplications": {"product": "shop", "flow_token": TOKEN},
    "CreateApplication": {"product": "shop", "flow_token": TOKEN, "name": "Books"},
    "StartCommand": {"product": "shop", "invocation": WHO},
    "FinishCommand": {"product": "shop", "invocation_id": WHO.invocation_id, "exit_code": 0},
}


def who(**fields):
    return {"invocation": invocation(**fields)}


def aborted(reason: int):
    return {"outcome": flows.Outcome(aborted=flows.Outcome.Aborted(reason=reason))}


def lasting(**fields):
    return {"duration": fields}


VERSION_1 = "c232ab00-9414-11ec-b3c8-9f68deced846"
FLAGS = {"flags": ["x"] * 33}
# Method, what is wrong in an otherwise good request, and the field that the refusal names.
FIELDS = [
    ("StartFlow", {"request_id": ""}, "request_id"),
    ("StartFlow", {"request_id": "no-uuid"}, "request_id"),
    ("StartFlow", {"request_id": VERSION_1}, "request_id"),
    ("StartFlow", {"product": ""}, "product"),
    ("StartFlow", {"product": "x" * 257}, "product"),
    ("StartFlow", {"product": "a\nb"}, "product"),
    ("StartFlow", {"kind": 0}, "kind"),
    ("StartFlow", {"kind": 99}, "kind"),
    ("StartFlow", {"kind": -1}, "kind"),
    ("StartFlow", {"redirect_uri": "http://127.0.0.1:1/" + "x" * 512}, "redirect_uri"),
    ("StartFlow", {"redirect_uri": "http://127.0.0.1:1/\r\nx"}, "redirect_uri"),
    ("StartFlow", {"login_hint": "x" * 255}, "login_hint"),
    ("StartFlow", {"login_hint": "a\x00b"}, "login_hint"),
    ("StartFlow", {"invocation": None}, "invocation"),
    ("StartCommand", {"invocation": None}, "invocation"),
    ("StartCommand", who(invocation_id="0"), "invocation.invocation_id"),
    ("StartCommand", who(anonymous_id=""), "invocation.anonymous_id"),
    ("StartCommand", who(anonymous_id="x" * 257), "invocation.anonymous_id"),
    ("StartCommand", who(user_id="a\x1b[31m"), "invocation.user_id"),
    ("StartCommand", who(app_id="x" * 257), "invocation.app_id"),
    ("StartCommand", who(command=""), "invocation.command"),
    ("StartCommand", who(command="tool\u0085login"), "invocation.command"),
    ("StartCommand", who(**FLAGS), "invocation.flags"),
    ("StartCommand", who(flags=["good", "x" * 257]), "invocation.flags[1]"),
    ("StartCommand", who(cli_context="a\tb"), "invocation.cli_context"),
    ("StartCommand", who(version="x" * 257), "invocation.version"),
    ("StartCommand", who(operating_system="\x7f"), "invocation.operating_system"),
    ("StartCommand", who(configured_applications=-1), "invocation.configured_applications"),
    ("FinishCommand", {"invocation_id": "x"}, "invocation_id"),
    ("FinishCommand", {"exit_code": -1}, "exit_code"),
    ("FinishCommand", {"exit_code": 256}, "exit_code"),
    ("FinishCommand", lasting(seconds=-1), "duration"),
    ("FinishCommand", lasting(seconds=1, nanos=2_000_000_000), "duration"),
    ("FinishCommand", {"error_class": "x" * 65}, "error_class"),
    ("FinishCommand", {"error_class": "no spaces"}, "error_class"),
    ("RecordStep", {"flow_token": ""}, "flow_token"),
    ("RecordStep", {"step": 0}, "step"),
    ("RecordStep", {"step": 99}, "step"),
    ("FinishFlow", {"outcome": None}, "outcome"),
    ("FinishFlow", {"outcome": flows.Outcome()}, "outcome"),
    ("FinishFlow", aborted(0), "outcome.aborted.reason"),
    ("FinishFlow", aborted(flows.ABORT_REASON_CLIENT_LOST), "outcome.aborted.reason"),
    ("FinishFlow", aborted(99), "outcome.aborted.reason"),
    ("FinishFlow", {"outcome": failed(1)}, "outcome.failed.error_class"),
    ("FinishFlow", {"outcome": failed(9999)}, "outcome.failed.error_class"),
    ("GetFlow", {"flow_token": "x" * (16 * 1024 + 1)}, "flow_token"),
    ("ExchangeCode", {"redirect_query": "x" * (8 * 1024 + 1)}, "redirect_query"),
    ("StartDeviceAuthorization", {"flow_token": ""}, "flow_token"),
    ("AwaitDevice", {"flow_token": ""}, "flow_token"),
    ("AwaitDevice", {"device_code": ""}, "device_code"),
    ("AwaitDevice", {"device_code": "x" * (16 * 1024 + 1)}, "device_code"),
    ("RefreshToken", {"refresh_token": ""}, "refresh_token"),
    ("RefreshToken", {"refresh_token": "x" * (16 * 1024 + 1)}, "refresh_token"),
    ("RefreshToken", {"refresh_token": "a\nb"}, "refresh_token"),
    ("RevokeToken", {"tokens": None}, "tokens"),
    ("RevokeToken", {"tokens": rpc.tokens.Tokens(access_token="a\x00b")}, "tokens.access_token"),
    ("RevokeToken", who(invocation_id="x"), "invocation.invocation_id"),
    ("ListApplications", {"page_size": -1}, "page_size"),
    ("ListApplications", {"page_token": "x" * 1025}, "page_token"),
    ("CreateApplication", {"request_id": "1"}, "request_id"),
    ("CreateApplication", {"name": "x" * 1025}, "name"),
    ("CreateApplication", {"region": "x" * 65}, "region"),
]


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program):
    return new_shared_wire(
        lambda world: product("shop", by_hand(odd_program.base), LOCAL_APPLICATIONS, sink=world.segment_sink())
    )


@pytest.fixture(scope="module")
def api(server):
    return server.client()


@pytest.fixture(scope="module")
def login(api):
    return api.start("shop")


def send(api, method: str, fields: dict, token: str = ""):
    service, message = SERVICES[method]
    given = dict(fields)
    if "request_id" in message.DESCRIPTOR.fields_by_name:
        given.setdefault("request_id", str(uuid.uuid4()))
    if given.get("flow_token") == TOKEN:
        given["flow_token"] = token
    return getattr(getattr(api, service), method)(message(**given), timeout=30)


@pytest.mark.parametrize("method, wrong, field", FIELDS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_field_that_is_wrong_is_named(server, api, login, method, wrong, field):
    before = (count(server, "log"), count(server, "invocations"), count(server, "applications"))
    value = next(iter(wrong.values()))
    secrets = (value,) if isinstance(value, str) and len(value) > 40 else ()
    error = refused("INVALID_REQUEST", lambda: send(api, method, GOOD[method] | wrong, login.token), *secrets)
    assert f" {field}:" in error.details()
    assert (count(server, "log"), count(server, "invocations"), count(server, "applications")) == before


@pytest.mark.parametrize("method", GOOD)
def test_the_same_request_with_that_field_right_is_taken(api, method):
    """Or is refused for another reason: else the table above proves nothing."""
    fresh = api.start("shop")
    try:
        send(api, method, GOOD[method], fresh.token)
    except grpc.RpcError as error:
        assert rpc.error_reason(error) in (
            "STATE_MISMATCH",
            "REFRESH_TOKEN_REFUSED",
            "NOT_EXCHANGED",
            "NOT_INVOKED",
            "STEP_NOT_ALLOWED",
        )


RAW = "/authflow.v1.FlowService/StartFlow"
# What no generated client sends, and what the refusal says of it.
BYTES = [
    (b"\x0a\xff", "StartFlowRequest"),
    (b"\x12\x02\xff\xfe", "StartFlowRequest"),  # product: no UTF-8
    (b"\x00", "StartFlowRequest"),
    (b"\x22" + b"\x81\x80\x04" + b"x" * 65537, "65536"),
]


@pytest.mark.parametrize("content, says", BYTES, ids=["cut", "no UTF-8", "no field", "too large"])
def test_bytes_that_are_no_request_are_refused(api, content, says):
    error = refused("INVALID_REQUEST", lambda: api.raw(RAW, content))
    assert says in error.details()


def test_a_field_of_a_newer_client_is_no_error(api):
    """Field 1000, a string: old servers serve new clients."""
    request = start_request("shop").SerializeToString() + b"\xc2\x3e\x03new"
    answer = rpc.flows.StartFlowResponse.FromString(api.raw(RAW, request))
    assert answer.flow.product == "shop"


def test_a_message_larger_than_grpc_takes_is_refused(api):
    with pytest.raises(grpc.RpcError) as caught:
        api.raw(RAW, b"\x22" + b"\x80\x80\x80\x04" + b"x" * (8 << 20))
    assert caught.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
    api.start("shop")


def test_a_method_that_is_not_there_is_unimplemented(api):
    for path in ("/authflow.v1.FlowService/DeleteFlow", "/authflow.v2.FlowService/StartFlow"):
        with pytest.raises(grpc.RpcError) as caught:
            api.raw(path, b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_nothing_of_all_this_is_in_the_flow_that_was_aimed_at(server, login):
    assert flow_log(server, login.flow_id) == "started"
