"""What holds for the events of an invocation whatever its client does: order, numbers, properties."""

import uuid

import grpc
import pytest
from support import events, rpc
from support.events import expected
from support.rpc import flow as flow_messages
from support.rpc import flows


@pytest.fixture
def api(world):
    api = rpc.Api(world.grpc)
    yield api
    api.close()


def invocation(**fields) -> rpc.Invocation:
    given = {
        "invocation_id": str(uuid.uuid4()),
        "anonymous_id": str(uuid.uuid4()),
        "command": "tool auth login",
        "version": "1.2.3",
        "operating_system": "linux",
        "cli_context": "terminal",
        "configured_applications": 2,
    }
    return rpc.Invocation(**given | fields)


def start(api, who: rpc.Invocation, **fields):
    request = {
        "request_id": str(uuid.uuid4()),
        "product": "acme",
        "kind": flow_messages.FLOW_KIND_LOGIN,
        "redirect_uri": "http://127.0.0.1:34567/callback",
        "invocation": who,
    }
    return api.flows.StartFlow(flows.StartFlowRequest(**request | fields), timeout=20)


def cancel(api, token: str):
    outcome = flow_messages.Outcome(
        aborted=flow_messages.Outcome.Aborted(reason=flow_messages.ABORT_REASON_USER_CANCELLED)
    )
    return api.flows.FinishFlow(flows.FinishFlowRequest(flow_token=token, outcome=outcome), timeout=20)


def test_the_first_call_of_an_invocation_fixes_its_properties(world, api):
    who = invocation(command="tool first", flags=["region"], app_id="app-1", is_ci=True)
    api.commands.StartCommand(rpc.commands.StartCommandRequest(product="acme", invocation=who), timeout=20)
    claims = rpc.Invocation()
    claims.CopyFrom(who)
    claims.command = "tool second"
    claims.flags.append("other")
    claims.version = "9.9.9"
    claims.configured_applications = 77
    claims.is_ci = False
    cancel(api, start(api, claims).flow_token)
    api.commands.FinishCommand(
        rpc.commands.FinishCommandRequest(product="acme", invocation_id=who.invocation_id), timeout=20
    )
    world.wait_event("Command Completed", invocation_id=who.invocation_id)
    messages = world.received()
    assert len(messages) == 4
    assert events.problems(messages) == []
    for message in messages:
        properties = message["properties"]
        assert properties["command"] == "tool first"
        assert properties["flags"] == ["region"]
        assert properties["version"] == "1.2.3"
        assert properties["configured_applications"] == 2
        assert properties["is_ci"] == 1
        assert properties["app_id"] == "app-1"


def test_a_command_that_never_began_is_not_completed(world, api):
    with pytest.raises(grpc.RpcError) as caught:
        api.commands.FinishCommand(
            rpc.commands.FinishCommandRequest(product="acme", invocation_id=str(uuid.uuid4())), timeout=20
        )
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert rpc.error_reason(caught.value) == "NOT_INVOKED"


def test_a_slow_network_does_not_turn_the_beginning_round(world):
    """The flow waits for the command to be recorded, longer than a connection takes over a long way."""
    gate = world.gate()
    laptop = world.machine()
    gate.hold("StartCommand")
    run = laptop.start("login", "--app-name", "Shop", AUTHFLOW_SERVER=gate.address)
    gate.wait_arrived("StartCommand")
    assert not gate.program.out.wait("^ARRIVED StartFlow ", 0.3)
    gate.release("StartCommand")
    run.browse()
    assert run.ended().code == 0
    assert run.timeline()[:2] == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        """
    )


def test_help_version_and_wrong_flags_send_nothing(world):
    laptop = world.machine()
    for arguments, code in ((("--help",), 0), (("--version",), 0), (("login", "--no-such-flag"), 1), ((), 1)):
        assert laptop.run(*arguments).code == code, arguments
    laptop.env.pop("AUTHFLOW_PRODUCT")
    assert laptop.run("login").code == 1
    assert world.metrics().sum("grpc_server_started_total") == 0


def test_a_repeated_end_is_one_event(world, api):
    who = invocation()
    opened = start(api, who)
    first = cancel(api, opened.flow_token)
    completed = flow_messages.Outcome(completed=flow_messages.Outcome.Completed())
    again = api.flows.FinishFlow(
        flows.FinishFlowRequest(flow_token=opened.flow_token, outcome=completed), timeout=20
    )
    assert again.flow.outcome == first.flow.outcome, "the first end wins"
    world.wait_event("CLI Auth Aborted", invocation_id=who.invocation_id)
    world.wait_delivered()
    assert events.timeline(world.received()) == expected(
        """
        1 CLI Auth Started flow=login no_browser=false
        2 CLI Auth Aborted flow=login step= reason=user_cancelled
        """
    )


def test_events_wait_for_a_sink_that_is_away(world, api, services):
    services.receiver.post("/faults", {"status": 503, "match": {"write_key": world.write_key}})
    who = invocation()
    cancel(api, start(api, who).flow_token)
    services.receiver.get("/wait", endpoint="batch", count=1)
    assert world.received() == []
    services.receiver.delete("/faults")
    world.wait_event("CLI Auth Aborted", invocation_id=who.invocation_id, timeout=30)
    assert events.problems(world.received()) == []
