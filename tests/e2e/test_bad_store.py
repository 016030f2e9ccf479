"""A store in trouble: a full disk, a locked database, and flows that retention has pruned or the clock has ended."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support import events, rpc
from support.rpc import flow as flows
from support.wire_client import CANCELLED, COMPLETED, invocation
from support.wire_faults import full_disk, locked
from support.wire_refusals import refused
from support.wire_store import flow_log, prune
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product


@pytest.fixture
def new_shop(new_wire, odd):
    odd.set(user_in_token=True, user_key="id")
    return lambda **options: new_wire(
        lambda world: product(
            "shop", by_hand(odd.base, USER_IN_ANSWER), LOCAL_APPLICATIONS, sink=world.segment_sink()
        ),
        **options,
    )


def test_a_full_disk_refuses_what_must_be_written_and_nothing_else(new_shop, odd):
    shop = new_shop()
    api = shop.client()
    login, idle = api.start("shop"), api.start("shop")
    tokens = login.exchange().tokens
    who = invocation()
    writes = {
        "StartFlow": lambda: api.start("shop"),
        "RecordStep": lambda: api.step(idle.token, flows.STEP_BROWSER_WAIT),
        "ExchangeCode": idle.exchange,
        "ListApplications": lambda: api.list("shop", flow_token=login.token),
        "CreateApplication": lambda: api.create("shop", flow_token=login.token),
        "FinishFlow": lambda: login.finish(COMPLETED),
        "StartCommand": lambda: api.invoke("shop", who),
        "RevokeToken": lambda: api.revoke("shop", tokens, who),
        "WatchFlow": lambda: next(api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=login.token), timeout=30)),
    }
    with full_disk(shop):
        for call in writes.values():
            refused("STORE_FULL", call, login.token, idle.token)
        assert api.get(login.token) == login.api.get(login.token), "reading works"
        assert api.refresh("shop", tokens.refresh_token).tokens.access_token, "so does what records nothing"
        assert odd.arrived("token") == 2, "the code of the idle login was not spent"
    for call in writes.values():
        call()
    shop.wait_event("CLI Auth Completed", flow_id=login.flow_id)
    metrics = shop.metrics()
    for method in writes:
        assert metrics.sum("grpc_server_handled_total", grpc_method=method, grpc_code="ResourceExhausted") == 1, method


def test_what_was_acknowledged_before_the_disk_was_full_is_there_after_it_and_a_crash(new_shop):
    shop = new_shop()
    api = shop.client()
    login = api.start("shop")
    with full_disk(shop):
        refused("STORE_FULL", lambda: login.finish(CANCELLED))
    shop.kill_and_restart()
    login.api = shop.client()
    assert not login.api.get(login.token).HasField("outcome")
    login.finish(CANCELLED)
    shop.wait_event("CLI Auth Aborted", timeout=60, flow_id=login.flow_id)
    assert events.timeline(shop.received(unique=True)) == [
        "1 CLI Auth Started flow=login no_browser=false",
        "2 CLI Auth Aborted flow=login step= reason=user_cancelled",
    ]


def test_an_exchange_whose_result_cannot_be_written_gives_no_tokens(new_shop, odd):
    """The disk fills up between the code and its tokens: they are given back, and one more round signs in."""
    shop = new_shop()
    api = shop.client()
    login = api.start("shop")
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    login.approve()
    odd.fault("token", hang=True, times=1)
    with ThreadPoolExecutor() as pool:
        exchange = pool.submit(login.exchange)
        odd.get("/wait", endpoint="token", count=1)
        with full_disk(shop):
            odd.call("POST", "/release", {"endpoint": "token"})
            refused("STORE_FULL", exchange.result, login.query)
    odd.get("/wait", endpoint="revocation", count=1)
    refused("STORE_FULL", login.exchange, login.query)
    login.next_attempt()
    assert login.exchange().identity.user_id == "odd-user-1"
    assert login.finish(COMPLETED).outcome.WhichOneof("how") == "completed"
    assert odd.arrived("token") == 2


def test_a_locked_database_is_unavailable_until_it_is_free(new_shop):
    shop = new_shop()
    api = shop.client()
    login = api.start("shop")
    with locked(shop):
        refused("STORE_UNAVAILABLE", lambda: login.finish(CANCELLED), login.token)
        assert not api.get(login.token).HasField("outcome")
    assert login.finish(CANCELLED).HasField("outcome")
    shop.wait_event("CLI Auth Aborted", flow_id=login.flow_id)


def test_a_pruned_flow_is_not_found_by_any_call(new_shop):
    shop = new_shop()
    login = shop.client().start("shop")
    shop.kill_and_restart(lambda: prune(shop, login.flow_id))
    api = login.api = shop.client()
    for call in each_call(api, login):
        refused("FLOW_NOT_FOUND", call, login.token)
    refused("FLOW_NOT_FOUND", lambda: login.finish(CANCELLED), login.token)
    refused("FLOW_NOT_FOUND", lambda: api.get(login.token), login.token)
    watch = api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=login.token), timeout=30)
    refused("FLOW_NOT_FOUND", lambda: next(watch), login.token)


def test_an_expired_flow_says_so_to_every_call_and_is_still_to_be_read(new_shop):
    shop = new_shop(limits="browser_wait { seconds: 1 }")
    api = shop.client()
    login = api.start("shop")
    login.approve()
    shop.wait_event("CLI Auth Aborted", flow_id=login.flow_id)
    for call in each_call(api, login):
        refused("FLOW_EXPIRED", call, login.token)
    expired = api.get(login.token).outcome
    assert expired.aborted.reason == flows.ABORT_REASON_EXPIRED
    assert login.finish(COMPLETED).outcome == expired, "the first end holds"
    assert flow_log(shop, login.flow_id) == "started ended"


def each_call(api, login):
    """Those that go on with a flow."""
    query = login.query or f"code=c&state={login.answer.state}"
    return (
        lambda: api.step(login.token, flows.STEP_BROWSER_WAIT),
        lambda: api.exchange(login.token, query),
        lambda: api.list("shop", flow_token=login.token),
        lambda: api.create("shop", flow_token=login.token),
    )
