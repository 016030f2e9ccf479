"""The dashboard's expressions, run by a real Prometheus that scraped a real run: none is empty, and each number is what the
sink's file says. What no event tells is compared with the flows' logs, and with what the caller was answered.

With AUTHFLOW_RECORDINGS=FOLDER it leaves each expression and its result there: scripts/recordings makes that of the docs that way.
"""

import bisect
import json
import math
import os
import re
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from support import funnel_run
from support.prometheus import Prometheus
from support.wire_client import RECORDER
from support.wire_world import WireWorld
from support.world import ROOT

DASHBOARD = json.loads((ROOT / "deploy/grafana/authflow.json").read_text())
TARGETS = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
}
# As people see them: what a panel has several of is told apart by its legend.
HEADINGS = {
    f"{panel['title']} {target['refId']}": panel["title"]
    + (": " + re.sub(r"{{\w+}}[:,] ", "", target["legendFormat"]) if len(panel["targets"]) > 1 else "")
    for panel in DASHBOARD["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
}
STEPS = ("browser_wait", "code_exchange", "apps_fetch", "app_select", "app_create", "profile_configure")
# Longer than the run. The first scrape found zeros, so that increase() over it has nothing to extrapolate.
RANGE = "1h"


class Run:
    """After the run: Prometheus at a scrape that saw all of it, the sink's file, the flows' logs, the calls."""

    def __init__(self, world, odd, prometheus):
        self.prometheus = prometheus
        first = len(RECORDER.statuses)
        prometheus.wait_scrape(time.time())
        funnel_run.run(world, odd)
        self.at = prometheus.wait_scrape(time.time())
        self.calls = RECORDER.statuses[first:]
        self.rules_at = prometheus.wait_rule("product_kind:authflow_conversion:ratio1h", self.at)
        file = world.services.folder / "received.jsonl"
        self.sink = funnel_run.SinkFile(file, world.write_key)
        self.other = funnel_run.SinkFile(file, funnel_run.OTHER_KEY)
        self.visits = funnel_run.visits(world, [flow["flow_id"] for flow in self.sink.started])

    def query(self, name: str, product: str = "acme", kind: str = ".*") -> tuple[str, list[tuple[dict, float]]]:
        """What a panel asks, and what it is answered: labels and number of each series."""
        values = {"product": product, "kind": kind, "__range": RANGE, "__rate_interval": RANGE}
        expression = re.sub(r"\$(\w+)", lambda found: values[found[1]], TARGETS[name])
        at = self.rules_at if re.search(r"\b(product|job)\w*:", expression) else self.at
        return expression, self.prometheus.query(expression, at)

    def show(self, name: str, product: str = "acme", kind: str = ".*") -> dict:
        """The same as label values, in the order of the labels' names, and number."""
        _, found = self.query(name, product, kind)
        assert all(math.isfinite(value) for _, value in found), found
        shown = {tuple(value for _, value in sorted(labels.items())): value for labels, value in found}
        assert len(shown) == len(found)
        return shown

    def recording(self) -> str:
        """Each panel's query with what it gives, for people."""
        blocks = []
        for name in TARGETS:
            expression, found = self.query(name)
            # What differs from run to run is the server's port.
            rows = sorted(
                (", ".join(f"{key}={text}" for key, text in sorted(labels.items()) if key != "instance"), float(f"{value:.4g}"))
                for labels, value in found
            )
            width = max(len(labels) for labels, _ in rows)
            asked = textwrap.indent(textwrap.fill(" ".join(expression.split()), 100, break_long_words=False), "    ")
            told = [f"    {labels:{width}} = {value:.10g}" if labels else f"    = {value:.10g}" for labels, value in rows]
            blocks.append("\n".join([HEADINGS[name], asked, *told]) + "\n")
        return "\n".join(blocks)


@pytest.fixture(scope="module")
def seen(services, odd_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    odd = odd_program
    odd.post("/reset")
    odd.set(user_in_token=True, user_key="id")
    world = WireWorld(services, folder / "world", funnel_run.config(odd), limits="grace { seconds: 1 }").start()
    prometheus = Prometheus(folder, world.http)
    try:
        run = Run(world, odd, prometheus)
        if folder := os.environ.get("AUTHFLOW_RECORDINGS"):
            (Path(folder) / "dashboard.txt").write_text(run.recording())
        yield run
    finally:
        prometheus.stop()
        world.close()
        odd.post("/reset")


def count(items, *names) -> dict:
    """How many have the same values of these properties."""
    return dict(Counter(tuple(str(item.get(name, "")) for name in names) for item in items))


@pytest.mark.parametrize("name", TARGETS)
def test_no_panel_is_empty(seen, name):
    assert seen.show(name, product=".*")


@pytest.mark.parametrize("name", [name for name, expression in TARGETS.items() if "$product" in expression])
def test_a_product_that_is_not_there_shows_nothing(seen, name):
    assert set(seen.show(name, product="nobody").values()) <= {0}


def test_flows_and_conversion(seen):
    started, completed = seen.sink.started, seen.sink.named("Completed")
    ended = seen.sink.ended
    assert seen.show("Flows started A") == {(): len(started)}
    assert seen.show("Flows started A", kind="signup") == {(): sum(flow["flow"] == "signup" for flow in started)}
    assert seen.show("Flows started A", product="(acme|other)") == {(): len(started) + len(seen.other.started)}
    assert seen.show("Conversion A") == {(): pytest.approx(len(completed) / len(ended))}
    assert seen.show("Open now A") == {(): len(started) - len(ended)}
    assert seen.show("Unaccounted for A") == {(): 0}


def test_the_funnel_counts_each_step(seen):
    def entered(*steps):
        return {(): sum(len(seen.visits[step]) for step in steps)}

    assert seen.show("The funnel A") == {(): len(seen.sink.started)}
    assert seen.show("The funnel B") == entered("browser_wait")
    assert seen.show("The funnel C") == entered("code_exchange")
    assert seen.show("The funnel D") == entered("apps_fetch")
    assert seen.show("The funnel E") == entered("app_select", "app_create")
    assert seen.show("The funnel F") == entered("profile_configure")
    assert seen.show("The funnel G") == {(): len(seen.sink.named("Completed"))}
    # Whoever ended at a step was there.
    for step, ended in count(seen.sink.ended, "step").items():
        assert ended <= len(seen.visits[step[0]]) or step == ("",)


def test_drop_off(seen):
    dropped = Counter(flow["step"] or "start" for flow in seen.sink.named("Aborted", "Failed"))
    left = {step: sum(visit is not None for visit in seen.visits[step]) for step in STEPS}
    left["start"] = len(seen.sink.started)
    assert all(left.values())
    assert seen.show("Drop-off by step A") == {
        (step,): pytest.approx(dropped[step] / visits) for step, visits in left.items()
    }


def test_outcomes(seen):
    ended = seen.sink.ended
    assert seen.show("Ended flows A") == count(ended, "outcome")
    assert seen.show("Aborted, by reason A") == count(seen.sink.named("Aborted"), "reason") | {("expired",): 0}
    assert seen.show("Failed, by error class A") == count(seen.sink.named("Failed"), "error_class")
    # Completed has no step in events.
    where = {
        tuple(value for value in key if value): value
        for key, value in seen.show("Where and how flows ended A").items()
        if "completed" not in key
    }
    expected = Counter()
    for flow in seen.sink.named("Aborted", "Failed"):
        labels = {"product": "acme", "kind": flow["flow"]} | {
            name: flow.get(name, "") for name in ("outcome", "step", "reason", "error_class")
        }
        expected[tuple(value for _, value in sorted(labels.items()) if value)] += 1
    assert where == expected


def bucket(bounds: list[float], value: float) -> tuple[float, float]:
    place = bisect.bisect_left(bounds, value)
    return ([0.0] + bounds)[place], bounds[min(place, len(bounds) - 1)]


def assert_quantile(shown: float, quantile: float, values: list[float], bounds: list[float]):
    """In the bucket of the exact one; logs and events have whole milliseconds."""
    exact = sorted(values)[max(0, math.ceil(quantile * len(values)) - 1)]
    assert bucket(bounds, max(0.0, exact - 0.002))[0] <= shown <= bucket(bounds, exact + 0.002)[1]


def bounds_of(seen, family: str) -> list[float]:
    found = seen.prometheus.query(f'count by (le) ({family}_bucket{{le!="+Inf"}})', seen.at)
    return sorted(float(labels["le"]) for labels, _ in found)


@pytest.mark.parametrize("name, quantile", [("Median dwell A", 0.5), ("p95 dwell A", 0.95)])
def test_dwell(seen, name, quantile):
    shown, bounds = seen.show(name), bounds_of(seen, "authflow_step_duration_seconds")
    assert shown.keys() == {(step,) for step in STEPS}
    for (step,), value in shown.items():
        assert_quantile(value, quantile, [visit for visit in seen.visits[step] if visit is not None], bounds)


def test_how_long_whole_flows_take(seen):
    bounds = bounds_of(seen, "authflow_flow_duration_seconds")
    for name, quantile in (("Whole flows A", 0.5), ("Whole flows B", 0.95)):
        shown = seen.show(name)
        assert shown.keys() == {("completed",), ("aborted",), ("failed",)}
        for outcome in ("completed", "failed"):
            flows = seen.sink.named(outcome.capitalize())
            assert_quantile(shown[(outcome,)], quantile, [flow["duration_ms"] / 1000 for flow in flows], bounds)


def test_provider_and_applications(seen):
    at_exchange = [flow for flow in seen.sink.ended if flow.get("step") == "code_exchange"]
    results = Counter((flow["error_class"],) for flow in at_exchange)
    results[("ok",)] = len(seen.visits["code_exchange"]) - len(at_exchange)
    assert seen.show("Code exchanges, by result A") == results
    assert seen.show("Code exchanges over time A")[("ok",)] == results[("ok",)]
    assert seen.show("Refreshes and revocations, by result A") == {
        ("refresh", "ok"): 1,
        ("refresh", "REFRESH_TOKEN_REFUSED"): 1,
        ("revoke", "ok"): 1,
    }
    listed = len(seen.visits["apps_fetch"])
    created = len(seen.visits["app_create"])
    assert seen.show("Application directory, by result A") == {("list", "ok"): listed, ("create", "ok"): created}


def test_delivery(seen):
    assert seen.show("Delivered events A", product=".*") == {
        ("acme",): len(seen.sink.messages),
        ("other",): len(seen.other.messages),
    }
    requests = seen.show("Requests to sinks, by result A")
    assert {result: value for (result, _), value in requests.items() if value} == {"delivered": seen.sink.batches}
    for name in ("Dead events A", "Oldest event A", "Pending events A"):
        assert seen.show(name) == {("acme",): 0}


def go_name(code: str) -> str:
    return {"OK": "OK", "CANCELLED": "Canceled"}.get(code) or code.title().replace("_", "")


def test_rpcs(seen):
    seconds = 3600
    answered = Counter((call.method,) for call in seen.calls)
    shown = seen.show("RPCs A")
    assert {key: round(value * seconds, 6) for key, value in shown.items() if value} == answered
    refused = Counter((go_name(call.code), call.method) for call in seen.calls if call.code != "OK")
    assert {key: round(value * seconds, 6) for key, value in seen.show("Refusals A").items()} == refused
    assert seen.show("Attached clients A") == {(): 0}
    assert seen.show("Latency, p95 A").keys() == {key for key in answered if key != ("WatchFlow",)}
    assert set(seen.show("Error budgets A").values()) == {0}


def test_the_store(seen):
    commits, writes = seen.show("Commits A")[()], seen.show("Commits B")[()]
    # An entry of a flow is a write.
    assert writes * 3600 >= sum(map(len, seen.visits.values()))
    assert seen.show("Writes in a commit A") == {(): pytest.approx(writes / commits)}
    assert set(seen.show("Commits that failed A").values()) == {0}
    assert list(seen.show("Servers A").values()) == [1]


def test_the_recording_rules_say_the_same(seen):
    """They are evaluated between scrapes, and the run is short: what was there from the start is extrapolated by up to a half, what
    came during the run is not. promtool test rules has exact numbers."""

    def near(value, exact):
        return exact / 1.6 <= value <= exact * 1.001

    shown = seen.show("Conversion over time A")
    for kind in ("login", "signup"):
        ended = [flow for flow in seen.sink.ended if flow["flow"] == kind]
        completed = sum(flow["outcome"] == "completed" for flow in ended)
        assert shown[(kind, "acme")] == pytest.approx(completed / len(ended), rel=0.001)
    over_time = seen.show("Drop-off over time A")
    for step, ratio in seen.show("Drop-off by step A").items():
        assert near(over_time[step], ratio), step
    bounds = bounds_of(seen, "authflow_step_duration_seconds")
    for name, quantile in (("Median dwell over time A", 0.5), ("p95 dwell over time A", 0.95)):
        shown = seen.show(name)
        assert {(kind, product) for kind, product, _ in shown} == {("login", "acme"), ("signup", "acme")}
        # Only sign-ups create an application in this run, and only logins select one.
        for step in ("app_select", "app_create"):
            value = next(value for (_, _, of), value in shown.items() if of == step)
            assert_quantile(value, quantile, seen.visits[step], bounds)
    fault = seen.show("The provider's fault A")[("acme",)]
    calls = len(seen.visits["code_exchange"]) + 3
    assert near(fault, 1 / calls)


def test_no_alert_fires_where_nothing_is_wrong(seen):
    """One provider error among a dozen calls is nothing to wake somebody up for."""
    assert seen.prometheus.query('ALERTS{alertstate="firing"}', seen.rules_at) == []
