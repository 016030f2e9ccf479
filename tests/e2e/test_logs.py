"""What authflowd tells in its log, in which form, and when. That nothing secret is in it: test_secrets.py."""

import json
import os
import re

import grpc
import pytest
from support import rpc
from support.authflowd import Authflowd, any_port
from support.terminal import CTRL_C, Terminal
from support.wire_client import COMPLETED, FLOW, Wire, failed, invocation
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product
from support.world import AUTHFLOWD

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def acme(odd):
    odd.set(user_in_token=True, user_key="id")
    return product("acme", by_hand(odd.base, USER_IN_ANSWER), LOCAL_APPLICATIONS)


def documents(lines: list[str]) -> list[dict]:
    return [json.loads(line) for line in lines]


def refused(call):
    with pytest.raises(grpc.RpcError):
        call()


# level, method, code, reason, step; F: it names the flow.
A_LOGIN = """
debug CommandService/StartCommand    OK                -                  - -
debug FlowService/StartFlow          OK                -                  - F
debug FlowService/RecordStep         OK                -                  browser_wait F
info  FlowService/RecordStep         FAILED_PRECONDITION NOT_EXCHANGED    browser_wait F
info  TokenService/ExchangeCode      PERMISSION_DENIED STATE_MISMATCH     browser_wait F
debug TokenService/ExchangeCode      OK                -                  code_exchange F
debug ApplicationService/ListApplications  OK          -                  apps_fetch F
debug FlowService/RecordStep         OK                -                  app_create F
info  ApplicationService/CreateApplication INVALID_ARGUMENT REGION_NOT_OFFERED app_create F
debug ApplicationService/CreateApplication OK          -                  app_create F
debug FlowService/RecordStep         OK                -                  profile_configure F
debug FlowService/FinishFlow         OK                -                  profile_configure F
debug FlowService/GetFlow            OK                -                  profile_configure F
info  FlowService/RecordStep         FAILED_PRECONDITION FLOW_FINISHED    profile_configure F
info  FlowService/GetFlow            UNAUTHENTICATED   FLOW_TOKEN_INVALID - -
debug CommandService/FinishCommand   OK                -                  - -
"""


def test_every_call_is_told_at_debug_with_flow_step_code_and_latency(new_wire, acme):
    world = new_wire(acme)
    client = world.client()
    # The first call of a server is one of the sample.
    refused(lambda: client.get("x"))
    who = invocation()
    client.invoke("acme", who)
    login = client.start("acme", invocation=who)
    client.step(login.token, FLOW.STEP_BROWSER_WAIT)
    refused(lambda: client.step(login.token, FLOW.STEP_PROFILE_CONFIGURE))
    query = login.approve()
    refused(lambda: client.exchange(login.token, query.replace("state=", "state=x")))
    login.exchange()
    client.list("acme", flow_token=login.token)
    client.step(login.token, FLOW.STEP_APP_CREATE)
    refused(lambda: client.create("acme", flow_token=login.token, region="moon"))
    client.create("acme", flow_token=login.token)
    client.step(login.token, FLOW.STEP_PROFILE_CONFIGURE)
    login.finish(COMPLETED)
    client.get(login.token)
    refused(lambda: client.step(login.token, FLOW.STEP_APP_SELECT))
    refused(lambda: client.get(login.token[:-4] + "AAAA"))
    client.complete("acme", who.invocation_id)
    client.close()
    assert world.stop() == 0

    lines = documents(world.server.err.all())
    for line in lines:
        assert re.fullmatch(TIME, line["time"]) and line["level"] and line["event"], line
    calls = [line for line in lines if line["event"] == "rpc"][1:]
    shown = []
    for call in calls:
        assert call["flow_id"] in ("", login.flow_id)
        assert call["latency_ms"] >= 0
        assert bool(call["message"]) == (call["code"] != "OK"), "a refusal's sentence is in the log, too"
        words = [call["level"], call["method"].removeprefix("authflow.v1."), call["code"], call["reason"] or "-"]
        shown.append(" ".join([*words, call["step"] or "-", "F" if call["flow_id"] else "-"]))
    assert shown == [" ".join(row.split()) for row in A_LOGIN.strip().splitlines()]


def test_info_tells_failures_slow_calls_and_one_in_a_hundred(acme, odd, tmp_path):
    config = tmp_path / "authflow.conf"
    config.write_text(acme)
    server = Authflowd(tmp_path, "--config", config, "--data", tmp_path / "data")
    client = Wire(server.grpc)
    try:
        login = client.start("acme")  # the first
        client.step(login.token, FLOW.STEP_BROWSER_WAIT)
        login.approve()
        odd.fault("token", delay_ms=1100, times=1)
        login.exchange()
        refused(lambda: client.get("x"))
        for _ in range(4, 250):
            client.get(login.token)
        login.finish(failed())
    finally:
        client.close()
        assert server.stop() == 0
    calls = [line for line in documents(server.err.all()) if line["event"] == "rpc"]
    assert {call["level"] for call in calls} == {"info"}
    assert [call["reason"] for call in calls if call["code"] != "OK"] == ["FLOW_TOKEN_INVALID"]
    slow = [call["method"] for call in calls if call["latency_ms"] > 1000]
    assert "authflow.v1.TokenService/ExchangeCode" in slow
    sample = [call["method"] for call in calls if call["code"] == "OK" and call["latency_ms"] <= 1000]
    assert sample == ["authflow.v1.FlowService/StartFlow", *["authflow.v1.FlowService/GetFlow"] * 2]


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
# What a caller sends, and the trace that is told.
TRACES = {
    "one": ((PARENT,), TRACE),
    "none": ((), ""),
    "not a traceparent": ((("traceparent", TRACE),), ""),
    "two": ((PARENT, ("traceparent", f"00-{TRACE[::-1]}-00f067aa0ba902b7-01")), ""),
}


@pytest.mark.parametrize("metadata, trace", TRACES.values(), ids=TRACES)
def test_the_trace_that_a_caller_names_is_told_with_its_calls(metadata, trace, new_wire, acme):
    world = new_wire(acme)
    client = world.client()
    request = rpc.flows.WatchFlowRequest(flow_token=client.start("acme").token)
    watch = client.flows.WatchFlow(request, timeout=30, metadata=metadata)
    next(watch)
    watch.cancel()
    refused(lambda: client.flows.GetFlow(rpc.flows.GetFlowRequest(flow_token="x"), timeout=30, metadata=metadata))
    client.close()
    assert world.stop() == 0
    calls = [line for line in documents(world.server.err.all()) if line["event"] == "rpc"]
    traces = {call["method"].split("/")[1]: call["trace_id"] for call in calls}
    assert traces == {"StartFlow": "", "WatchFlow": trace, "GetFlow": trace}


# What TRACEPARENT says, and the trace that is told.
VARIABLES = {
    "one": (PARENT[1], TRACE),
    "none": ("", ""),
    "of another form": (f"{TRACE}-1", ""),
    "not for metadata": (f"cc{PARENT[1][2:]}-\n", ""),
}


@pytest.mark.parametrize("variable, trace", VARIABLES.values(), ids=VARIABLES)
def test_the_cli_passes_its_trace_on(variable, trace, new_world):
    world = new_world()
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", TRACEPARENT=variable)
    run.browse()
    assert run.ended().code == 0
    assert world.server.stop() == 0
    calls = [line for line in documents(world.server.err.all()) if line["event"] == "rpc"]
    traces = {call["method"].split("/")[1]: call["trace_id"] for call in calls}
    assert {"StartFlow", "WatchFlow", "RecordStep", "ExchangeCode", "FinishFlow", "FinishCommand"} <= set(traces)
    assert set(traces.values()) == {trace}


# On a terminal or not, what is asked for, and what the first line looks like.
JSON_LINE = rf'^{{"time":"{TIME}","level":"info","event":"serving",'
TEXT_LINE = rf"^{TIME} INFO  serving version=\S+ grpc=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+$"
FORMS = {
    "a pipe": (False, "auto", JSON_LINE),
    "a terminal": (True, "auto", TEXT_LINE),
    "text in a pipe": (False, "text", TEXT_LINE),
    "json on a terminal": (True, "json", JSON_LINE),
}


@pytest.mark.parametrize("terminal, form, line", FORMS.values(), ids=FORMS)
def test_the_log_is_text_on_a_terminal_and_json_otherwise(terminal, form, line, tmp_path):
    flags = ("--dev", "--log-format", form)
    if not terminal:
        server = Authflowd(tmp_path, *flags)
        assert server.stop() == 0
        shown = server.err.all()
    else:
        shell = Terminal([AUTHFLOWD, *any_port(flags), *flags], dict(os.environ), tmp_path / "terminal")
        try:
            shell.wait_text(r"serving")
            shell.type(CTRL_C)
            assert shell.wait_exit()[0] == 0, "Ctrl-C drains as SIGTERM does"
        finally:
            shell.close()
        shown = [row for row in shell.text.splitlines() if "authflowd ready" not in row]
    assert re.search(line, shown[0]), shown
    assert "stopped" in shown[-1]
