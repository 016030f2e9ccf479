"""Each call that changes something, sent twice: the same answer, and one effect in the store and at the sink."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

import grpc
import pytest
from support import events
from support.events import expected
from support.rpc import flow as flows
from support.wire_client import CANCELLED, COMPLETED, Login, Wire, at_once, failed, invocation
from support.wire_refusals import refused
from support.wire_store import count, flow_log, rows
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product

THREADS = 16
# A lane of events may be waiting for the lease of the server that was killed.
DELIVERED = 60.0


@pytest.fixture
def shop(new_wire, odd):
    """A world whose product signs in at a provider that rotates refresh tokens."""
    odd.set(user_in_token=True, user_key="id", rotate_refresh=True)
    return new_wire(
        lambda world: product(
            "shop", by_hand(odd.base, USER_IN_ANSWER), LOCAL_APPLICATIONS, sink=world.segment_sink()
        )
    )


@dataclass
class Sent:
    """A call that can be sent again, what it leaves in the flow's log, and what it leaves at the sink."""

    call: Callable[[Wire], object]
    flow_id: Callable[[], str] = lambda: ""
    log: str = ""
    timeline: str = ""
    applications: int = 0
    asked: dict[str, int] | None = None  # requests that the provider got, where they are fixed


STARTED = "1 CLI Auth Started flow=login no_browser=false\n"
SIGNED_IN = STARTED + "- identify email name @user\n"
SIGNED_IN_LOG = "started entered exchange_begun exchanged"


def signed_in(api: Wire) -> tuple[Login, object]:
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    return login, login.exchange()


def start_flow(api: Wire) -> Sent:
    login = api.start("shop")  # the request is what is sent again
    return Sent(
        lambda api: api.flows.StartFlow(login.request, timeout=30), lambda: login.flow_id, "started", STARTED
    )


def record_step(api: Wire) -> Sent:
    login = api.start("shop")
    return Sent(
        lambda api: api.step(login.token, flows.STEP_BROWSER_WAIT), lambda: login.flow_id, "started entered", STARTED
    )


def record_step_of_the_next_attempt(api: Wire) -> Sent:
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    state = login.answer.state
    refused("CODE_REFUSED", lambda: api.exchange(login.token, f"code=expired-by-now&state={state}"), state)
    return Sent(
        lambda api: api.step(login.token, flows.STEP_BROWSER_WAIT),
        lambda: login.flow_id,
        "started entered exchange_begun call_failed entered",
        STARTED,
    )


def exchange_code(api: Wire) -> Sent:
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    query = login.approve()
    return Sent(
        lambda api: api.exchange(login.token, query),
        lambda: login.flow_id,
        SIGNED_IN_LOG,
        SIGNED_IN,
        asked={"token": 1},
    )


def finish_flow(api: Wire) -> Sent:
    login = api.start("shop")
    return Sent(
        lambda api: api.finish(login.token, CANCELLED),
        lambda: login.flow_id,
        "started ended",
        STARTED + "2 CLI Auth Aborted flow=login step= reason=user_cancelled",
    )


def refresh_token(api: Wire) -> Sent:
    login, answer = signed_in(api)
    return Sent(
        lambda api: api.refresh("shop", answer.tokens.refresh_token),
        lambda: login.flow_id,
        SIGNED_IN_LOG,
        SIGNED_IN,
        asked={"token": 2},
    )


def revoke_token(api: Wire) -> Sent:
    login, answer = signed_in(api)
    who = invocation(user_id="odd-user-1", anonymous_id=login.request.invocation.anonymous_id)
    return Sent(
        lambda api: api.revoke("shop", answer.tokens, who),
        lambda: login.flow_id,
        SIGNED_IN_LOG,
        SIGNED_IN + "1 CLI Auth Logout flow=logout @user",
    )


def create_application(api: Wire) -> Sent:
    login, _ = signed_in(api)
    request_id = str(uuid.uuid4())
    return Sent(
        lambda api: api.create("shop", request_id=request_id, flow_token=login.token, name="Books"),
        lambda: login.flow_id,
        SIGNED_IN_LOG + " entered",
        SIGNED_IN,
        applications=1,
    )


def start_command(api: Wire) -> Sent:
    who = invocation()
    return Sent(lambda api: api.invoke("shop", who), timeline="1 Command Invoked")


def finish_command(api: Wire) -> Sent:
    who = invocation()
    api.invoke("shop", who)
    return Sent(
        lambda api: api.complete("shop", who.invocation_id, exit_code=1, error_class="NoDisk"),
        timeline="""
        1 Command Invoked
        2 Command Completed succeeded=false exit_code=1 error_class=NoDisk user_cancelled=false
        """,
    )


CALLS = (
    start_flow,
    record_step,
    record_step_of_the_next_attempt,
    exchange_code,
    finish_flow,
    refresh_token,
    revoke_token,
    create_application,
    start_command,
    finish_command,
)
# What these answer is kept in memory alone; their repeats after a restart have tests of their own.
IN_MEMORY = (exchange_code, refresh_token)
DURABLE = tuple(call for call in CALLS if call not in IN_MEMORY)


def each(calls):
    return pytest.mark.parametrize("prepare", calls, ids=lambda prepare: prepare.__name__)


def delivered(world) -> list[dict]:
    """All that the sink has once nothing is left to send; a batch that was on its way at a kill -9 may come twice."""
    world.wait_delivered(DELIVERED)
    return world.received(unique=True)


def prepared(world, prepare, api: Wire) -> Sent:
    """What led there has arrived: events of two commands come in any order."""
    sent = prepare(api)
    world.wait_delivered(DELIVERED)
    return sent


def check_one_effect(world, odd, sent: Sent):
    assert events.timeline(delivered(world)) == expected(sent.timeline)
    if sent.flow_id():
        assert flow_log(world, sent.flow_id()) == sent.log
    assert count(world, "applications") == sent.applications
    numbered = sum(1 for row in expected(sent.timeline) if not row.startswith("-"))
    assert rows(world, "SELECT coalesce(sum(last_sequence), 0) FROM invocations") == [(numbered,)]
    if sent.asked is not None:
        assert {endpoint: odd.arrived(endpoint) for endpoint in sent.asked} == sent.asked


def check_equal(answers: list):
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    assert errors == []
    different = [answer for answer in answers if answer != answers[0]]
    assert different == [], f"{different[0]}\nis not\n{answers[0]}"


@each(CALLS)
def test_sent_from_16_threads_at_once(shop, odd, prepare):
    api = shop.client()
    sent = prepared(shop, prepare, api)
    check_equal(at_once(THREADS, lambda _: sent.call(api)))
    check_one_effect(shop, odd, sent)


@each(CALLS)
def test_sent_again_after_the_answer(shop, odd, prepare):
    api = shop.client()
    sent = prepared(shop, prepare, api)
    check_equal([sent.call(api), sent.call(api), sent.call(api)])
    check_one_effect(shop, odd, sent)


@each(DURABLE)
def test_sent_again_to_a_server_that_was_killed_after_the_answer(shop, odd, prepare):
    sent = prepared(shop, prepare, shop.client())
    first = sent.call(shop.client())
    shop.kill_and_restart()
    check_equal([first, sent.call(shop.client())])
    check_one_effect(shop, odd, sent)


@each(DURABLE)
def test_sent_again_to_a_server_that_was_killed_among_the_calls(shop, odd, prepare):
    api = shop.client()
    sent = prepared(shop, prepare, api)

    def call(index: int):
        answer = sent.call(api)
        shop.server.process.kill()
        return answer

    answers = at_once(THREADS, call)
    shop.kill_and_restart()
    # A call that the server died under says nothing about what became of it.
    answered = [answer for answer in answers if not isinstance(answer, grpc.RpcError)]
    check_equal([*answered, sent.call(shop.client())])
    check_one_effect(shop, odd, sent)


def test_tokens_that_died_with_the_server_cost_one_more_round_in_the_same_flow(shop, odd):
    api = shop.client()
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    first = login.exchange()
    shop.kill_and_restart()
    api = login.api = shop.client()
    query = login.query
    refused("ANSWER_GONE", login.exchange, query, login.token, first.tokens.access_token)
    assert odd.arrived("token") == 1, "a code is posted once"
    login.next_attempt()
    second = login.exchange()
    assert second.tokens.access_token != first.tokens.access_token
    assert second.identity == first.identity
    refused("STATE_MISMATCH", lambda: api.exchange(login.token, query), query)
    assert login.finish(COMPLETED).outcome.WhichOneof("how") == "completed"
    assert events.timeline(delivered(shop)) == expected(
        """
        1 CLI Auth Started flow=login no_browser=false
        - identify email name @user
        2 CLI Auth Completed flow=login @user
        """
    )
    assert flow_log(shop, login.flow_id) == (
        "started entered exchange_begun exchanged entered exchange_begun exchanged ended"
    )


def test_an_exchange_that_died_with_the_server_costs_one_more_round_in_the_same_flow(shop, odd):
    api = shop.client()
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    login.approve()
    odd.fault("token", after=True, hang=True, times=1)
    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(login.exchange)
        odd.get("/wait", endpoint="token")
        shop.kill_and_restart()
        assert isinstance(under_way.exception(), grpc.RpcError)
    login.api = shop.client()
    refused("ANSWER_GONE", login.exchange, login.query)
    login.next_attempt()
    login.exchange()
    login.finish(COMPLETED)
    assert odd.arrived("token") == 2
    assert events.timeline(delivered(shop)) == expected(
        """
        1 CLI Auth Started flow=login no_browser=false
        - identify email name @user
        2 CLI Auth Completed flow=login @user
        """
    )
    assert flow_log(shop, login.flow_id) == (
        "started entered exchange_begun entered exchange_begun exchanged ended"
    )


def test_a_refresh_after_a_restart_is_the_providers_to_answer(shop, odd):
    """New tokens are kept nowhere but in memory: a provider that rotates takes the old one for stolen."""
    sent = refresh_token(shop.client())
    sent.call(shop.client())
    shop.kill_and_restart()
    refused("REFRESH_TOKEN_REFUSED", lambda: sent.call(shop.client()))
    sent.asked = {"token": 3}
    check_one_effect(shop, odd, sent)


def test_of_contradicting_ends_the_first_holds_for_all(shop, odd):
    api = shop.client()
    login, _ = signed_in(api)
    ends = [COMPLETED, CANCELLED, failed(), failed(71), failed(74)]
    answers = at_once(THREADS, lambda index: login.finish(ends[index % len(ends)]))
    check_equal(answers)
    shop.kill_and_restart()
    login.api = shop.client()
    check_equal([answers[0], *(login.finish(end) for end in ends)])
    assert flow_log(shop, login.flow_id) == SIGNED_IN_LOG + " ended"
    messages = delivered(shop)
    assert events.problems(messages) == []
    assert len(messages) == 3, "Started, identify, one end"


def test_an_invocation_is_numbered_without_gaps_under_64_concurrent_writers(shop):
    api = shop.client()
    who = invocation(command="tool first", flags=["region"], version="1.0.0")
    claims = type(who)()
    claims.CopyFrom(who)
    claims.command, claims.version, claims.configured_applications = "tool other", "9.9.9", 77
    api.invoke("shop", who)
    _, answer = signed_in(api)

    def write(index: int):
        if index == 0:
            return api.complete("shop", who.invocation_id)
        if index == 1:
            return api.revoke("shop", answer.tokens, claims)
        if index % 8 == 2:
            return api.invoke("shop", claims)
        login = api.start("shop", invocation=claims)
        return login.finish(CANCELLED)

    assert [error for error in at_once(64, write) if isinstance(error, Exception)] == []
    messages = [
        message
        for message in delivered(shop)
        if message.get("properties", {}).get("invocation_id") == who.invocation_id
    ]
    flows_begun = 64 - 2 - 8
    assert [message["properties"]["sequence"] for message in messages] == list(range(1, 2 * flows_begun + 4))
    assert {
        name: {message["properties"][name] for message in messages}
        for name in ("command", "version", "configured_applications")
    } == {"command": {"tool first"}, "version": {"1.0.0"}, "configured_applications": {0}}, "the first claim holds"
    assert events.problems(messages) == []
