"""The run whose numbers test_metrics.py knows: logins with each outcome, commands, applications, refusals, events."""

import grpc
import pytest

from support import rpc
from support.metrics import wait_number
from support.wire_client import CANCELLED, COMPLETED, FLOW, failed, invocation
from support.wire_refusals import number
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product

BROWSER_WAIT, PROFILE = FLOW.STEP_BROWSER_WAIT, FLOW.STEP_PROFILE_CONFIGURE
LATE_KEY = "the-write-key-of-a-sink-that-hangs"
PERSON = {"id": "odd-user-1", "email": "odd@example.com", "name": "Odd Example"}


def config(odd):
    provider = by_hand(odd.base, USER_IN_ANSWER)

    def text(world):
        return (
            product("acme", provider, LOCAL_APPLICATIONS, world.segment_sink())
            + product("shelf", provider, sink='file { path: "events.jsonl" }')
            + product("late", provider, sink=world.segment_sink(LATE_KEY, timeout_s=120))
            # Discovery finds nothing there.
            + product("down", f'issuer: "{odd.base}" client_id: "c"')
        )

    return text


class Caller:
    """Makes the run, and keeps what must not become a label."""

    def __init__(self, world, odd):
        self.world, self.odd = world, odd
        self.api = world.client()
        self.secrets = dict(PERSON)

    def start(self, name: str = "acme", **fields):
        login = self.api.start(name, **fields)
        for number_, text in enumerate((login.token, login.flow_id, login.answer.state, login.invocation_id)):
            self.secrets[f"{login.flow_id} {number_}"] = text
        return login

    def browse(self, login):
        self.api.step(login.token, BROWSER_WAIT)
        login.approve()
        return login

    def exchange(self, login):
        tokens = login.exchange().tokens
        self.secrets |= {f"access {tokens.access_token}": tokens.access_token}
        return tokens

    def refused(self, call):
        with pytest.raises(grpc.RpcError):
            call()


def a_whole_login(caller, **who):
    """With its command, a watch, a new application; its tokens, and its flow token."""
    api, who = caller.api, invocation(**who)
    api.invoke("acme", who)
    login = caller.start(invocation=who)
    watch = api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=login.token), timeout=60)
    next(watch)
    tokens = caller.exchange(caller.browse(login))
    api.list("acme", flow_token=login.token)
    api.step(login.token, FLOW.STEP_APP_CREATE)
    caller.refused(lambda: api.create("acme", flow_token=login.token, region="moon"))
    api.create("acme", flow_token=login.token, name=who.command)
    api.step(login.token, PROFILE)
    login.finish(COMPLETED)
    assert list(watch)[-1].flow.HasField("outcome")
    api.complete("acme", who.invocation_id)
    return tokens, login.token


def run(caller):
    api, odd, world = caller.api, caller.odd, caller.world
    receiver = world.services.receiver
    # The first two requests to acme's sink fail; late's sink never answers.
    receiver.post("/faults", {"status": 503, "times": 1, "match": {"write_key": world.write_key}})
    receiver.post("/faults", {"status": 401, "times": 1, "match": {"write_key": world.write_key}})
    receiver.post("/faults", {"hang": True, "match": {"write_key": LATE_KEY}})

    expiring = caller.start()
    api.step(expiring.token, BROWSER_WAIT)
    lost = caller.start()
    watch = api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=lost.token), timeout=60)
    next(watch)
    api.step(lost.token, BROWSER_WAIT)
    watch.cancel()  # a client that was killed
    tokens, ended = a_whole_login(caller)
    # Known already: no identify. Takes an application that is there.
    again = caller.start(invocation=invocation(user_id=PERSON["id"]))
    caller.exchange(caller.browse(again))
    api.list("acme", flow_token=again.token)
    api.step(again.token, FLOW.STEP_APP_SELECT)
    api.step(again.token, PROFILE)
    again.finish(COMPLETED)
    signup = caller.start(kind=FLOW.FLOW_KIND_SIGNUP)
    caller.exchange(caller.browse(signup))
    signup.finish(COMPLETED)
    renewed = caller.start(kind=FLOW.FLOW_KIND_REAUTHENTICATION)
    caller.exchange(caller.browse(renewed))
    renewed.finish(COMPLETED)
    cancelled = caller.start()
    api.step(cancelled.token, BROWSER_WAIT)
    cancelled.finish(CANCELLED)
    odd.set(redirect="denied")
    denied = caller.browse(caller.start())
    caller.refused(denied.exchange)
    odd.set(redirect="ok")
    unwritten = caller.start()
    caller.exchange(caller.browse(unwritten))
    api.step(unwritten.token, PROFILE)
    unwritten.finish(failed(number("CLIENT_PROFILE_WRITE")))
    odd.fault("token", status=400, body={"error": "invalid_grant"}, times=1)
    twice = caller.browse(caller.start())
    caller.refused(twice.exchange)
    twice.next_attempt()
    caller.exchange(twice)
    twice.finish(COMPLETED)
    odd.fault("token", status=503, times=1)
    gave_up = caller.browse(caller.start())
    caller.refused(gave_up.exchange)
    gave_up.finish(failed())
    caller.start(invocation=invocation(do_not_track=True)).finish(CANCELLED)
    for _ in range(2):
        caller.exchange(caller.browse(caller.start()))  # stay open
    caller.refused(lambda: caller.start("down"))

    none = caller.start("shelf")
    caller.exchange(caller.browse(none))
    caller.refused(lambda: api.list("shelf", flow_token=none.token))
    none.finish(COMPLETED)
    caller.start("late").finish(CANCELLED)

    for _ in range(2):
        api.refresh("acme", tokens.refresh_token)  # one call to the provider
    odd.fault("token", status=400, body={"error": "invalid_grant"}, times=1)
    caller.refused(lambda: api.refresh("acme", "another"))
    api.revoke("acme", tokens)

    caller.refused(lambda: api.get("x"))
    caller.refused(lambda: api.step(ended, PROFILE))
    caller.refused(lambda: caller.start("nobody"))
    caller.refused(lambda: api.complete("acme", invocation().invocation_id))
    caller.refused(lambda: api.list("acme", access_token="x"))
    api.get(ended)

    for reason in ("client_lost", "expired"):
        world.wait_event("CLI Auth Aborted", reason=reason, timeout=60)
    wait_number(world, 0, "authflow_outbox_events", product="acme", state="pending")
    # Alone in its batch, refused for what it is, and dead.
    receiver.post("/faults", {"status": 400, "match": {"write_key": world.write_key, "event": "CLI Auth Logout"}})
    api.revoke("acme", tokens, invocation(user_id=PERSON["id"]))
    for count, labels in (
        (1, {"product": "acme", "state": "dead"}),
        (0, {"product": "shelf", "state": "pending"}),
        (0, {"product": "down", "state": "pending"}),
        (2, {"product": "late", "state": "pending"}),
    ):
        wait_number(world, count, "authflow_outbox_events", **labels)
    wait_number(world, 2, "authflow_active_flows")
