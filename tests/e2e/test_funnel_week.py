"""A week of flows that was made up: what /funnel and `authflowd funnel` say of its last hour, day and all of it.

The flows are real ones, made within seconds; while the server is stopped their logs are moved into the past. With
AUTHFLOW_SCREENSHOTS=FOLDER a picture is left there: scripts/screenshots makes that of the README that way.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections import defaultdict

import grpc
import pytest
from support.authflowd import ended
from support.funnel_run import signed_in
from support.services import NODE, SUPPORT
from support.wire_client import CANCELLED, COMPLETED, FLOW, failed
from support.wire_refusals import number
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, WireWorld, by_hand, product

SIGNUP = {"kind": FLOW.FLOW_KIND_SIGNUP}
WINDOWS = {"hour": 3600, "day": 24 * 3600, "week": 7 * 24 * 3600}
# Seconds before each entry of a flow's log: the browser (third) and the choice of an application (seventh) are people's.
GAPS = ((0.02, 0.05), (8, 45), (0.2, 0.5), (0.05, 0.1), (0.1, 0.3), (2, 12), (0.1, 0.4))


class Made:
    """Flows as a CLI's users make them; each way to end has its share."""

    def __init__(self, world, odd):
        self.api, self.odd = world.client(), odd
        self.names = 0

    def completed(self, **kind):
        signed_in(self.api, "tool", FLOW.STEP_PROFILE_CONFIGURE, **kind)[0].finish(COMPLETED)

    def created(self, **kind):
        login = self.creating(**kind)
        self.names += 1
        self.api.create("tool", flow_token=login.token, name=f"App {self.names}")
        self.api.step(login.token, FLOW.STEP_PROFILE_CONFIGURE)
        login.finish(COMPLETED)

    def creating(self, **kind):
        login, _ = signed_in(self.api, "tool", **kind)
        self.api.list("tool", flow_token=login.token)
        self.api.step(login.token, FLOW.STEP_APP_CREATE)
        return login

    def left_while_creating(self, **kind):
        self.creating(**kind).finish(CANCELLED)

    def left_while_choosing(self, **kind):
        signed_in(self.api, "tool", FLOW.STEP_APP_SELECT, **kind)[0].finish(CANCELLED)

    def left_at_the_start(self, **kind):
        self.api.start("tool", **kind).finish(CANCELLED)

    def left_in_the_browser(self, **kind):
        login = self.api.start("tool", **kind)
        self.api.step(login.token, FLOW.STEP_BROWSER_WAIT)
        login.finish(CANCELLED)

    def declined(self, **kind):
        self.odd.set(redirect="denied")
        with pytest.raises(grpc.RpcError):
            signed_in(self.api, "tool", **kind)
        self.odd.set(redirect="ok")

    def failed_at_the_provider(self, **kind):
        login = self.api.start("tool", **kind)
        self.api.step(login.token, FLOW.STEP_BROWSER_WAIT)
        self.odd.fault("token", status=503, times=1)
        with pytest.raises(grpc.RpcError):
            login.exchange()
        login.finish(failed())

    def not_written(self, **kind):
        login, _ = signed_in(self.api, "tool", FLOW.STEP_PROFILE_CONFIGURE, **kind)
        login.finish(failed(number("CLIENT_PROFILE_WRITE")))


LOGINS = {
    Made.completed: 140,
    Made.created: 12,
    Made.left_in_the_browser: 22,
    Made.declined: 6,
    Made.left_while_choosing: 12,
    Made.left_at_the_start: 4,
    Made.failed_at_the_provider: 5,
    Made.not_written: 3,
}
SIGNUPS = {
    Made.created: 46,
    Made.left_in_the_browser: 13,
    Made.declined: 4,
    Made.left_while_creating: 7,
    Made.failed_at_the_provider: 2,
}


def varint(value: int) -> bytes:
    """As protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def move_into_the_past(database, chance: random.Random) -> list[float]:
    """Gives each flow a place in the week; how old each is now, in the order in which they were made."""
    logs = defaultdict(list)
    for row, flow, begun, payload in database.execute("SELECT id, flow_id, time, payload FROM log ORDER BY id"):
        logs[flow].append((row, begun, payload))
    ages = [WINDOWS["week"] * (1 - (place + 0.5) / len(logs)) for place in range(len(logs))]
    now = time.time()
    for age, rows in zip(ages, logs.values()):
        at = now - age
        for place, (row, begun, payload) in enumerate(rows):
            at += chance.uniform(*GAPS[min(place, len(GAPS)) - 1]) if place else 0
            moved = int(at * 1e6)
            if place == 0:
                assert varint(begun) in payload
                payload = payload.replace(varint(begun), varint(moved))  # the flow's start
            database.execute("UPDATE log SET time = ?, payload = ? WHERE id = ?", (moved, payload, row))
    return ages


class Week:
    def __init__(self, world, odd):
        chance = random.Random(1)
        plan = [(act, {}) for act, count in LOGINS.items() for _ in range(count)]
        plan += [(act, SIGNUP) for act, count in SIGNUPS.items() for _ in range(count)]
        chance.shuffle(plan)
        made = Made(world, odd)
        for act, kind in plan:
            act(made, **kind)
        assert world.stop() == 0
        with sqlite3.connect(world.data / "authflow.db") as database:
            ages = move_into_the_past(database, chance)
        database.close()
        self.world = world.start()
        self.flows = [("signup" if kind else "login", act, age) for (act, kind), age in zip(plan, ages)]

    def counts(self, kind: str, window: str) -> tuple[int, int]:
        """Started and completed, by the plan."""
        acts = [act for flow, act, age in self.flows if flow == kind and age < WINDOWS[window]]
        return len(acts), sum(act in (Made.completed, Made.created) for act in acts)


@pytest.fixture(scope="module")
def week(services, odd_program, tmp_path_factory):
    odd = odd_program
    odd.post("/reset")
    odd.set(user_in_token=True, user_key="id")
    folder = tmp_path_factory.mktemp("week")
    world = WireWorld(services, folder, product("tool", by_hand(odd.base, USER_IN_ANSWER), LOCAL_APPLICATIONS)).start()
    try:
        yield Week(world, odd)
    finally:
        world.close()
        odd.post("/reset")


@pytest.mark.parametrize("window, since", [("hour", "1h"), ("day", "24h"), ("week", "168h")])
def test_each_window_has_its_own_flows(week, window, since):
    shown = ended("funnel", "--data", week.world.data, "--json", "--since", since)
    found = {one["flow"]: (one["started"], one["completed"]) for one in json.loads(shown.stdout)["funnels"]}
    assert found == {kind: week.counts(kind, window) for kind in ("login", "signup") if week.counts(kind, window)[0]}


def test_a_step_is_reached_by_no_more_than_the_one_before(week):
    shown = ended("funnel", "--data", week.world.data, "--json", "--since", "168h")
    for one in json.loads(shown.stdout)["funnels"]:
        reached = [bar["flows"] for bar in one["bars"]]
        assert reached == sorted(reached, reverse=True), one["bars"]


def test_the_page_shows_the_three_windows_side_by_side(week, tmp_path):
    folder = os.environ.get("AUTHFLOW_SCREENSHOTS")
    url = f"http://{week.world.http}/funnel?window=week"
    flags = ["--widths", 1040, "--schemes", "light", "--screenshots", tmp_path, "--height", 895]
    argv = [str(word) for word in (NODE, SUPPORT / "page.mjs", url, *flags)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    page = json.loads(done.stdout)

    def cell(kind, window):
        started, completed = week.counts(kind, window)
        return f"{started} · {round(100 * completed / started)} %" if started else "0"

    assert page["overview"] == [
        [f"tool {kind}", *(cell(kind, window) for window in WINDOWS)] for kind in ("login", "signup")
    ]
    if folder:
        shutil.copy(tmp_path / "1040-light.png", f"{folder}/funnel-light.png")
