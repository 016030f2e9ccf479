"""From the outbox to the sinks: whatever a sink answers, events are delivered, or wait, or are listed as dead."""

import json
import sqlite3
import statistics
import time
from datetime import datetime

import pytest
from support import events
from support.authflowd import ended
from support.metrics import wait_number
from support.recorder import RawSink
from support.wire_client import CANCELLED, COMPLETED, FLOW, at_once, invocation
from support.wire_world import NO_SINK, USER_IN_ANSWER, by_hand, product

DEAD_KEY = "the-write-key-of-a-dead-sink"


@pytest.fixture
def acme(new_wire, odd):
    """A world with the product acme; `sink` gives its sink's configuration, `more` further products."""
    odd.set(user_in_token=True, user_key="id")

    def make(sink=lambda world: world.segment_sink(), *more):
        provider = by_hand(odd.base, USER_IN_ANSWER)
        parts = (lambda world: product("acme", provider, sink=sink(world)), *more)
        return new_wire(lambda world: "".join(part(world) for part in parts))

    return make


@pytest.fixture
def raw_sink():
    sink = RawSink("right")
    yield sink
    sink.release()
    sink.close()


@pytest.fixture
def receiver(services):
    services.receiver.post("/reset")
    yield services.receiver
    services.receiver.delete("/faults")


def a_login(client, who=None, name: str = "acme"):
    """Three events: Started, identify, Completed."""
    login = client.start(name, invocation=who or invocation())
    client.step(login.token, FLOW.STEP_BROWSER_WAIT)
    login.exchange()
    login.finish(COMPLETED)
    return login


def a_cancelled_login(client, who=None, name: str = "acme"):
    """Two events: Started, Aborted."""
    login = client.start(name, invocation=who or invocation())
    login.finish(CANCELLED)
    return login


def names(messages: list[dict]) -> list[str]:
    return [message.get("event", "identify") for message in messages]


def outbox(world) -> list[tuple]:
    """(id, reason) of what is still there; the reason of a pending event is None."""
    database = sqlite3.connect(f"file:{world.data / 'authflow.db'}?mode=ro", uri=True)
    try:
        return database.execute("SELECT id, dead_reason FROM outbox ORDER BY id").fetchall()
    finally:
        database.close()


def wait_outbox(world, wanted: list):
    """Until its reasons are these: a sink has events before the outbox has let go of them."""
    limit = time.monotonic() + 60
    while (found := [reason for _, reason in outbox(world)]) != wanted:
        assert time.monotonic() < limit, found


def delivered(world, count: int, **labels):
    wait_number(world, count, "authflow_delivered_events_total", product="acme", **labels)


# A sink that hangs.


def test_a_sink_that_hangs_takes_nothing_from_the_rate_of_record_step(acme, receiver):
    """Two servers that differ in their sink alone, measured in turns: whatever else the machine does hits both."""
    quiet = acme()
    hanging = acme(lambda world: world.segment_sink(DEAD_KEY))
    receiver.post("/faults", {"hang": True, "match": {"write_key": DEAD_KEY}})
    clients = {world.grpc: world.client() for world in (quiet, hanging)}
    starts = 0

    def tokens(world) -> list[str]:
        """Of 384 new flows, whose events are delivered, or wait for the sink."""
        lists = at_once(8, lambda _: [clients[world.grpc].start("acme").token for _ in range(48)])
        wait_number(world, starts, "authflow_flows_started_total")
        return [token for some in lists for token in some]

    def seconds(world, some: list[str]) -> float:
        """For 16 first steps on 8 threads."""
        begun = time.monotonic()
        step = clients[world.grpc].step
        answers = at_once(8, lambda n: [step(token, FLOW.STEP_BROWSER_WAIT) for token in some[2 * n : 2 * n + 2]])
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        return time.monotonic() - begun

    # A sink that costs something costs it each time; a busy machine does not.
    ratios = []
    while len(ratios) < 3 and max(ratios, default=0) < 0.8:
        starts += 384
        left, right = tokens(quiet), tokens(hanging)
        delivered(quiet, starts)
        pairs = [(seconds(quiet, left[n : n + 16]), seconds(hanging, right[n : n + 16])) for n in range(0, 384, 16)]
        ratios.append(statistics.median(a / b for a, b in pairs))
    assert max(ratios) >= 0.8, ratios
    # It did hang all the while, with as many requests as a product may have under way.
    assert receiver.get("/faults")["held"] == 8
    assert hanging.metrics().sum("authflow_delivered_events_total") == 0
    wait_number(hanging, starts, "authflow_outbox_events", state="pending")


def test_a_dead_sink_does_not_starve_that_of_another_product(acme, odd, receiver):
    receiver.post("/faults", {"hang": True, "match": {"write_key": DEAD_KEY}})
    world = acme(
        lambda world: world.segment_sink(),
        lambda world: product("dead", by_hand(odd.base, USER_IN_ANSWER), sink=world.segment_sink(DEAD_KEY)),
    )
    client = world.client()
    for _ in range(40):
        a_cancelled_login(client, name="dead")
    receiver.get("/wait", endpoint="batch", count=8)
    for _ in range(40):
        a_cancelled_login(client)
    world.wait_event("CLI Auth Aborted", 40, timeout=60)
    assert receiver.get("/faults")["held"] == 8
    delivered(world, 80)
    wait_number(world, 80, "authflow_outbox_events", product="dead", state="pending")


# What a sink may answer.

AGAIN = {
    "429": {"status": 429},
    "503": {"status": 503},
    "500 with a page": {"status": 500, "headers": {"content-type": "text/html"}, "body": "<h1>Oops</h1>"},
    "408": {"status": 408},
    "a reset": {"reset": True},
    "an answer that is lost": {"after": True, "reset": True},
}


@pytest.mark.parametrize("fault", AGAIN.values(), ids=AGAIN)
def test_what_may_pass_is_sent_again_and_never_dead(acme, receiver, fault):
    world = acme()
    match = {"write_key": world.write_key, "event": "CLI Auth Aborted"}
    receiver.post("/faults", {**fault, "times": 1, "match": match})
    a_cancelled_login(world.client())
    delivered(world, 2)
    found = receiver.get("/messages", write_key=world.write_key)
    first = [item["message"] for item in found if not item["duplicate"]]
    assert events.timeline(first) == events.expected(
        """
        1 CLI Auth Started flow=login no_browser=false
        2 CLI Auth Aborted flow=login step= reason=user_cancelled
        """
    )
    again = [item["message"] for item in found if item["duplicate"]]
    assert bool(again) == bool(fault.get("after"))
    assert again == first[len(first) - len(again) :], "a duplicate has the same messageId and the same content"
    assert world.metrics().sum("authflow_deliveries_total", product="acme", result="retry") == 1
    wait_outbox(world, [])


def test_retry_after_is_obeyed(acme, receiver):
    world = acme()
    fault = {"status": 429, "headers": {"retry-after": 3}, "times": 1, "match": {"write_key": world.write_key}}
    receiver.post("/faults", fault)
    begun = time.time()
    world.client().start("acme")
    delivered(world, 1)
    arrived = receiver.get("/messages", write_key=world.write_key)[0]["received_at"]
    # Without it the first rest is half a second at most.
    assert datetime.fromisoformat(arrived).timestamp() - begun >= 3


def test_refused_content_is_isolated_and_parked_with_what_follows_it_in_its_flow(acme, receiver):
    world = acme()
    client, who = world.client(), invocation()
    # While the first event is under way, all that follows gathers for one batch.
    receiver.post("/faults", {"hang": True, "times": 1, "match": {"write_key": world.write_key}})
    client.invoke("acme", who)
    receiver.get("/wait", endpoint="batch", count=1)
    a_cancelled_login(client, who)
    bad = client.start("acme", invocation=who)
    a_login(client, who)
    client.complete("acme", who.invocation_id)
    fault = {"status": 400, "match": {"flow_id": bad.flow_id, "event": "CLI Auth Started"}}
    receiver.post("/faults", fault)
    receiver.post("/release")
    wait_number(world, 1, "authflow_outbox_events", state="dead")
    delivered(world, 7)
    wait_outbox(world, ["400"])
    bad.finish(CANCELLED)
    wait_number(world, 2, "authflow_outbox_events", state="dead")

    # All others are there, in order, the bad one's numbers left out.
    found = world.received()
    assert [message["properties"]["sequence"] for message in found if message["type"] == "track"] == [1, 2, 3, 5, 6, 7]
    assert bad.flow_id not in json.dumps(found)
    dead = outbox(world)[0][0]
    wait_outbox(world, ["400", f"follows {dead}"])
    metrics = world.metrics()
    for result, count in {"refused": 1, "dead": 1, "outage": 0, "retry": 0}.items():
        assert metrics.sum("authflow_deliveries_total", result=result) == count, result
    assert [line for line in world.server.err.all() if "dead letters" in line], "the log says so"
    # It is not tried again after a restart either. (The old channel may not know yet that its server is gone.)
    world.kill_and_restart()
    a_cancelled_login(world.client())
    delivered(world, 2)
    wait_outbox(world, ["400", f"follows {dead}"])


def test_dead_events_are_listed_and_sent_again_when_the_sink_is_mended(acme, receiver):
    world = acme()
    receiver.post("/faults", {"status": 422, "match": {"write_key": world.write_key, "event": "CLI Auth Aborted"}})
    client = world.client()
    login = a_cancelled_login(client)
    wait_outbox(world, ["422"])
    listed = ended("outbox", "list", "--data", world.data)
    assert listed.returncode == 0, listed.stderr
    for text in ("acme", "CLI Auth Aborted", login.flow_id, "422"):
        assert text in listed.stdout
    receiver.delete("/faults")
    again = ended("outbox", "retry", "--data", world.data)
    assert again.returncode == 0, again.stderr
    delivered(world, 2)
    wait_outbox(world, [])
    assert events.problems(world.received()) == []


def test_a_wrong_key_is_an_outage_with_an_alarm_until_the_key_is_right(acme, raw_sink):
    world = acme(lambda world: world.segment_sink("wrong", endpoint=raw_sink.url))
    client = world.client()
    a_login(client)
    raw_sink.wait_refused(2)
    wait_number(world, 3, "authflow_outbox_events", state="pending")
    metrics = world.metrics()
    assert metrics.sum("authflow_deliveries_total", result="outage") >= 1
    assert metrics.sum("authflow_outbox_oldest_age_seconds", product="acme") > 0
    assert [reason for _, reason in outbox(world)] == [None] * 3, "nothing is dead"
    alarm = world.server.err.wait("OUTAGE", 20)
    assert alarm and json.loads(alarm.string)["reason"] == "401"
    # The operator writes the right key and restarts.
    client.close()
    assert world.stop() == 0
    world.secret_file("key-wrong", "right\n")
    world.start()
    messages = raw_sink.wait_messages(3)
    assert names(messages) == ["CLI Auth Started", "identify", "CLI Auth Completed"]
    wait_number(world, 0, "authflow_outbox_events")
    assert "right" not in "".join(world.server.err.all())


def test_a_redelivery_has_the_same_bytes(acme, raw_sink):
    """An identify among them: its e-mail and name are sealed until the sink has acknowledged them."""
    world = acme(lambda world: world.segment_sink("right", endpoint=raw_sink.url))
    client, who = world.client(), invocation()
    raw_sink.hold()
    client.invoke("acme", who)
    raw_sink.wait_batches(1)
    a_login(client, who)
    raw_sink.lose()  # the first request's answer
    raw_sink.lose()  # and the next one's, with all there is
    raw_sink.release()
    delivered(world, 4)
    first, *others = (body[: body.rindex(b',"sentAt":')] for body in raw_sink.bodies)
    assert b'"Command Invoked"' in first and b'"identify"' not in first
    assert len(others) == 2 and others[0] == others[1]
    assert others[0].startswith(first.removesuffix(b"]")), "what was sent before comes first"
    for text in (b"odd@example.com", b"Odd Example", b"CLI Auth Completed"):
        assert text in others[0]


def test_what_a_stop_left_unanswered_is_sent_again_by_the_next_start(acme, raw_sink):
    world = acme(lambda world: world.segment_sink("right", endpoint=raw_sink.url))
    raw_sink.hold()
    client = world.client()
    client.start("acme")
    raw_sink.wait_batches(1)
    client.close()
    assert world.stop() == 0, "a sink that hangs keeps nobody from leaving"
    raw_sink.release()
    world.start()
    raw_sink.wait_batches(2)
    first, second = raw_sink.messages
    assert first == second


def test_what_a_killed_server_had_under_way_is_sent_again_by_the_next_one(acme, raw_sink):
    """The dead one's lease, of more than two minutes, holds nobody up: a data folder has one server."""
    world = acme(lambda world: world.segment_sink("right", timeout_s=120, endpoint=raw_sink.url))
    raw_sink.hold()
    world.client().start("acme")
    raw_sink.wait_batches(1)
    world.kill_and_restart()
    raw_sink.release()
    # Delivered by the first, but it did not live to hear of it.
    wait_outbox(world, [])
    first, second = raw_sink.messages
    assert first == second


# Files, and nothing.


def test_the_file_sink_has_a_message_a_line_and_may_be_rotated(acme):
    world = acme(lambda world: 'file { path: "events.jsonl" }')
    client = world.client()
    who = invocation()
    client.invoke("acme", who)
    a_login(client, who)
    client.complete("acme", who.invocation_id)
    delivered(world, 5, sink="file")
    path = world.data / "events.jsonl"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    messages = [json.loads(line) for line in path.read_text().splitlines()]
    assert names(messages) == [
        "Command Invoked",
        "CLI Auth Started",
        "identify",
        "CLI Auth Completed",
        "Command Completed",
    ]
    assert events.problems(messages) == []
    old = path.rename(world.data / "events.jsonl.1")
    before = old.read_bytes()
    a_cancelled_login(client)
    delivered(world, 7, sink="file")
    assert (old.read_bytes(), len(path.read_text().splitlines())) == (before, 2)
    wait_outbox(world, [])


def test_without_a_sink_events_are_counted_and_kept_nowhere(acme, receiver):
    world = acme(lambda world: NO_SINK)
    login = a_login(world.client())
    delivered(world, 3, sink="none")
    wait_outbox(world, [])
    assert receiver.get("/counts")["batch"]["arrived"] == 0
    # The funnel's numbers are there all the same.
    assert world.metrics().sum("authflow_flows_finished_total", outcome="completed") == 1
    assert login.api.get(login.token).outcome.HasField("completed")


# Limits.


def a_batch_of(world, raw_sink, count: int, who):
    """That many starts of one invocation, that gather while the sink is busy with the first."""
    client = world.client()
    raw_sink.hold()
    client.invoke("acme", who)
    raw_sink.wait_batches(1)
    at_once(8, lambda _: [client.start("acme", invocation=who) for _ in range(count // 8)])
    raw_sink.release()
    messages = raw_sink.wait_messages(count + 1)
    assert [message["properties"]["sequence"] for message in messages] == list(range(1, count + 2))
    return raw_sink.bodies


def test_a_batch_has_250_events_at_most(acme, raw_sink):
    world = acme(lambda world: world.segment_sink("right", endpoint=raw_sink.url))
    bodies = a_batch_of(world, raw_sink, 320, invocation())
    assert max(len(json.loads(body)["batch"]) for body in bodies) == 250


def test_no_batch_is_larger_than_500_kb_and_no_event_than_32_kb(acme, raw_sink):
    """The largest event that the wire lets in: each text full of what JSON writes with two characters."""
    text = '"' * 256
    texts = ("app_id", "command", "cli_context", "version", "operating_system", "user_id")
    largest = invocation(flags=[text] * 32, **dict.fromkeys(texts, text))
    world = acme(lambda world: world.segment_sink("right", endpoint=raw_sink.url))
    bodies = a_batch_of(world, raw_sink, 64, largest)
    sizes = [len(body) for body in bodies]
    assert 400_000 < max(sizes) <= 500_000
    one = max(len(json.dumps(message, separators=(",", ":"))) for message in raw_sink.messages)
    assert 16_000 < one <= 32 * 1024
    wait_number(world, 0, "authflow_outbox_events")


def test_a_name_that_no_event_could_hold_costs_the_name_and_not_the_event(acme, odd, receiver):
    world = acme()
    user = {"id": "u-1", "email": "long@example.com", "name": "x" * 40_000}
    odd.fault("token", body={"access_token": "a", "token_type": "Bearer", "user": user}, times=1)
    a_login(world.client())
    delivered(world, 3)
    identify = world.received(type="identify")[0]
    assert identify["traits"]["email"] == "long@example.com" and "name" not in identify["traits"]
