"""The run of test_dashboard.py: flows that end at each place and in each way, by two products, and what the sink's file says of them."""

import json
import re
from collections import defaultdict
from datetime import datetime

import grpc
import pytest

from support import rpc
from support.authflowd import ended
from support.metrics import wait_number
from support.wire_client import CANCELLED, COMPLETED, FLOW, failed, invocation
from support.wire_refusals import number
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product

OTHER_KEY = "the-write-key-of-another-product"


def config(odd):
    provider = by_hand(odd.base, USER_IN_ANSWER)

    def text(world):
        return product("acme", provider, LOCAL_APPLICATIONS, world.segment_sink()) + product(
            "other", provider, LOCAL_APPLICATIONS, world.segment_sink(OTHER_KEY)
        )

    return text


def signed_in(api, name="acme", step=0, **fields):
    """Through the browser and the exchange, and on to `step`; with the tokens."""
    login = api.start(name, **fields)
    api.step(login.token, FLOW.STEP_BROWSER_WAIT)
    tokens = login.exchange().tokens
    if step:
        api.list(name, flow_token=login.token)
        for next_step in (FLOW.STEP_APP_SELECT, FLOW.STEP_PROFILE_CONFIGURE):
            if next_step <= step:
                api.step(login.token, next_step)
    return login, tokens


def run(world, odd):
    api = world.client()

    def refused(call):
        with pytest.raises(grpc.RpcError):
            call()

    lost = api.start("acme")
    watch = api.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=lost.token), timeout=60)
    next(watch)
    api.step(lost.token, FLOW.STEP_BROWSER_WAIT)
    watch.cancel()  # a client that was killed
    for _ in range(5):
        login, tokens = signed_in(api, step=FLOW.STEP_PROFILE_CONFIGURE)
        login.finish(COMPLETED)
    first, _ = signed_in(api, kind=FLOW.FLOW_KIND_SIGNUP)
    api.list("acme", flow_token=first.token)
    api.step(first.token, FLOW.STEP_APP_CREATE)
    api.create("acme", flow_token=first.token)
    first.finish(COMPLETED)
    api.start("acme").finish(CANCELLED)
    for _ in range(2):
        waiting = api.start("acme")
        api.step(waiting.token, FLOW.STEP_BROWSER_WAIT)
        waiting.finish(CANCELLED)
    odd.set(redirect="denied")
    refused(lambda: signed_in(api))
    odd.set(redirect="ok")
    odd.fault("token", status=503, times=1)
    gave_up = api.start("acme", kind=FLOW.FLOW_KIND_SIGNUP)
    api.step(gave_up.token, FLOW.STEP_BROWSER_WAIT)
    refused(gave_up.exchange)
    gave_up.finish(failed())
    signed_in(api, step=FLOW.STEP_APP_SELECT)[0].finish(CANCELLED)
    signed_in(api, step=FLOW.STEP_PROFILE_CONFIGURE)[0].finish(failed(number("CLIENT_PROFILE_WRITE")))
    stays = api.start("acme")
    api.step(stays.token, FLOW.STEP_BROWSER_WAIT)
    signed_in(api, "other", step=FLOW.STEP_PROFILE_CONFIGURE)[0].finish(COMPLETED)

    who = invocation()
    api.invoke("acme", who)
    api.refresh("acme", tokens.refresh_token)
    odd.fault("token", status=400, body={"error": "invalid_grant"}, times=1)
    refused(lambda: api.refresh("acme", "another"))
    api.revoke("acme", tokens)
    api.complete("acme", who.invocation_id)
    world.wait_event("CLI Auth Aborted", reason="client_lost", timeout=60)
    wait_number(world, 0, "authflow_outbox_events", state="pending")
    wait_number(world, 1, "authflow_active_flows")


class SinkFile:
    """What arrived for one write key, by the receiver's file alone."""

    def __init__(self, path, write_key: str):
        rows = [json.loads(row) for row in path.read_text().splitlines()]
        rows = [row for row in rows if row["write_key"] == write_key]
        assert not any(row["duplicate"] for row in rows)
        self.batches = len({row["batch"] for row in rows})
        self.messages = [row["message"] for row in rows]

    def named(self, *events: str) -> list[dict]:
        """Properties of the flows' events, each with its outcome."""
        return [
            {"outcome": message["event"].rsplit(" ", 1)[1].lower(), **message["properties"]}
            for message in self.messages
            if message.get("event") in [f"CLI Auth {event}" for event in events]
        ]

    @property
    def started(self) -> list[dict]:
        return self.named("Started")

    @property
    def ended(self) -> list[dict]:
        return self.named("Completed", "Aborted", "Failed")


_ENTRY = re.compile(r"^\d+  (\S+)  (?:(entered)  step=(\w+)|(exchange_begun)|(ended))", re.M)


def visits(world, flow_ids) -> dict[str, list[float | None]]:
    """By the flows' logs: how long each visit of a step took, in seconds; None: it goes on."""
    found = defaultdict(list)
    for flow_id in flow_ids:
        shown = ended("flow", flow_id, "--data", world.data)
        assert shown.returncode == 0, shown.stderr
        here = since = None
        for at, _, step, exchange, _ in _ENTRY.findall(shown.stdout):
            now = datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
            if here:
                found[here].append(now - since)
            here, since = step or ("code_exchange" if exchange else ""), now
        if here:
            found[here].append(None)
    return found
