"""The page /funnel in Chromium after a known run, beside what `authflowd funnel` says of the same store."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from support.authflowd import Authflowd, ended, get
from support.known_run import Caller, config, run
from support.services import NODE, SUPPORT
from support.wire_world import WireWorld

# By hand, from the run. Flow; started, completed, aborted, failed, open.
FLOWS = """
acme login  12 3 5 2 2
acme signup  1 1 0 0 0
down login   1 0 0 1 0
late login   1 0 1 0 0
shelf login  1 1 0 0 0
"""
# Flows that reached it, and that ended there. The one that went through the browser twice reached it once.
ACME_BARS = """
started                  12 1
browser_wait             11 4
code_exchange             7 1
apps_fetch                2 0
app_select or app_create  2 0
profile_configure         3 1
completed                 3 0
"""
ACME_DROP_OFFS = """
- aborted user_cancelled 1
browser_wait aborted user_cancelled 1
browser_wait aborted denied 1
browser_wait aborted client_lost 1
browser_wait aborted expired 1
code_exchange failed PROVIDER_ERROR 1
profile_configure failed CLIENT_PROFILE_WRITE 1
"""
FAILURES = {
    "PROVIDER_ERROR": "acme login, code_exchange",
    "CLIENT_PROFILE_WRITE": "acme login, profile_configure",
    "PROVIDER_INVALID_RESPONSE": "down login, before the first",
}
LOOKS = [(width, scheme) for width in (400, 1280) for scheme in ("light", "dark")]


def lines(table: str) -> list[str]:
    return [" ".join(row.split()) for row in table.strip().splitlines()]


class Seen:
    def __init__(self, world, folder):
        self.world = world
        self.verb = self.numbers("--since", "24h")
        argv = [NODE, SUPPORT / "page.mjs", f"http://{world.http}/funnel", "--screenshots", folder]
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        looks = [json.loads(line) for line in done.stdout.splitlines()]
        self.looks = {(look["width"], look["scheme"]): look for look in looks}
        self.page = self.looks[LOOKS[0]]

    def numbers(self, *flags) -> dict:
        shown = ended("funnel", "--data", self.world.data, "--json", *flags)
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)

    def funnel(self, product: str, flow: str) -> dict:
        (found,) = [one for one in self.verb["funnels"] if (one["product"], one["flow"]) == (product, flow)]
        return found


@pytest.fixture(scope="module")
def seen(services, odd_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("funnel")
    odd = odd_program
    odd.post("/reset")
    odd.set(user_in_token=True, user_key="id")
    limits = "browser_wait { seconds: 5 } grace { seconds: 1 }"
    world = WireWorld(services, folder / "world", config(odd), limits=limits).start()
    try:
        run(Caller(world, odd))
        yield Seen(world, folder)
    finally:
        services.receiver.delete("/faults")
        world.close()
        odd.post("/reset")


def test_the_verb_has_the_numbers_of_the_run(seen):
    counts = ("started", "completed", "aborted", "failed", "open")
    shown = [f"{one['product']} {one['flow']} " + " ".join(str(one[name]) for name in counts) for one in seen.verb["funnels"]]
    assert shown == lines(FLOWS)
    acme = seen.funnel("acme", "login")
    assert [f"{bar['name']} {bar['flows']} {bar['dropped']}" for bar in acme["bars"]] == lines(ACME_BARS)
    drop_offs = [
        f"{one['step'] or '-'} {one['outcome']} {one.get('reason') or one['error_class']} {one['flows']}"
        for one in acme["drop_offs"]
    ]
    assert sorted(drop_offs) == sorted(lines(ACME_DROP_OFFS))
    assert [one["step"] for one in acme["drop_offs"]] == ["", *["browser_wait"] * 4, "code_exchange", "profile_configure"]
    steps = {step["step"]: step for step in acme["steps"]}
    assert (steps["app_select"]["reached"], steps["app_create"]["reached"]) == (1, 1)
    assert steps[""]["median_ms"] is None and 0 <= steps["apps_fetch"]["median_ms"] < 5000
    assert seen.verb["cut"] is False


def test_the_verb_counts_as_the_metrics_do(seen):
    metrics = seen.world.metrics()
    for one in seen.verb["funnels"]:
        labels = {"product": one["product"], "kind": one["flow"]}
        for state in ("started", "completed", "aborted", "failed"):
            assert metrics.sum("authflow_flows_recorded_total", state=state, **labels) == one[state]
        assert metrics.sum("authflow_active_flows", **labels) == one["open"]


def test_what_the_verb_is_asked_for(seen):
    def flows(*flags):
        return [f"{one['product']} {one['flow']} {one['started']}" for one in seen.numbers(*flags)["funnels"]]

    assert flows("--product", "shelf") == ["shelf login 1"]
    assert flows("--kind", "reauthentication") == ["acme reauthentication 1"]
    assert flows("--kind", "signup") == ["acme signup 1"]
    assert flows("--product", "nobody") == []
    few = seen.numbers("--max-rows", "10")
    assert few["cut"] and few["since"] < few["from"] < few["until"]
    wrong = ended("funnel", "--data", seen.world.data, "--since", "soon")
    assert (wrong.returncode, wrong.stdout) == (2, "") and '"soon" is not a duration' in wrong.stderr


def test_the_terminal_draws_the_same(seen):
    shown = ended("funnel", "--data", seen.world.data, "--product", "acme", "--kind", "login").stdout
    assert "acme login: 12 started, 3 completed (25 %), 5 aborted, 2 failed, 2 open\n" in shown
    for row in lines(ACME_BARS):
        *name, reached, _ = row.split()
        assert f"{' '.join(name):24} {int(reached):6}" in shown, shown
    assert max(map(len, shown.splitlines())) <= 80


def duration(ms: int | None) -> str:
    if ms is None:
        return "-"
    return f"{ms} ms" if ms < 1000 else f"{ms // 100 / 10:.1f} s"


def test_the_page_has_the_numbers_of_the_verb(seen):
    page = seen.page
    assert page["status"] == 200 and page["title"] == "Sign-in funnel, last 24 hours"
    assert [shown["name"] for shown in page["funnels"]] == [f"{one['product']} {one['flow']}" for one in seen.verb["funnels"]]
    for shown, one in zip(page["funnels"], seen.verb["funnels"]):
        assert shown["summary"].startswith(f"{one['started']} started: {one['completed']} completed (")
        assert f"), {one['aborted']} aborted, {one['failed']} failed, {one['open']} open." in shown["summary"]
        names, numbers = shown["picture"][::2], shown["picture"][1::2]
        assert [(name, int(number.split()[0])) for name, number in zip(names, numbers)] == [
            (bar["name"], bar["flows"]) for bar in one["bars"]
        ]
        rows = [[name, int(reached), int(left.split()[0]), median] for name, reached, left, median in shown["steps"]]
        assert rows == [
            *(
                [step["step"] or "before the first", step["reached"], step["dropped"], duration(step["median_ms"])]
                for step in one["steps"]
            ),
            ["completed", one["completed"], 0, duration(one["median_completed_ms"])],
        ]
        assert shown["drop_offs"] == [
            [
                drop["step"] or "before the first",
                f"{drop['outcome']} {drop.get('reason') or drop['error_class']}",
                str(drop["flows"]),
            ]
            for drop in one["drop_offs"]
        ]


def test_the_bars_are_as_long_as_their_numbers(seen):
    acme, one = seen.page["funnels"][0], seen.funnel("acme", "login")
    stayed = [bar["flows"] - bar["dropped"] for bar in one["bars"]]
    unit = acme["bars"][0] / stayed[0]
    assert acme["bars"] == pytest.approx([unit * flows for flows in stayed], abs=0.5)


def test_the_latest_failures_are_named_by_class_and_flow(seen):
    failures = [failure for one in seen.verb["funnels"] for failure in one["failures"]]
    latest = {failure["error_class"]: failure["latest"][0] for failure in failures}
    assert latest.keys() == FAILURES.keys() and len(seen.page["failures"]) == len(latest)
    for heading, failure in seen.page["failures"]:
        error_class = heading.removesuffix(" · 1 flow")
        at, where = latest[error_class], FAILURES[error_class]
        time = at["time"].split(".")[0].replace("T", " ")
        assert failure == f"{time} {where}: {at['flow_id']}"
    shown = ended("flow", latest["PROVIDER_ERROR"]["flow_id"], "--data", seen.world.data)
    assert "ended  failed error_class=PROVIDER_ERROR" in shown.stdout


def test_the_overview_has_an_hour_a_day_and_a_week(seen):
    assert seen.page["overview"][0] == ["acme login", *["12 · 25 %"] * 3]
    assert len(seen.page["overview"]) == len(lines(FLOWS))
    for window, name in (("hour", "hour"), ("day", "24 hours"), ("week", "7 days")):
        status, html = get(seen.world.http, f"/funnel?window={window}&product=acme")
        assert status == 200 and f"<title>Sign-in funnel, last {name}</title>" in html
        assert "acme signup</h2>" in html and "shelf login</h2>" not in html
    assert get(seen.world.http, "/funnel?window=year")[0] == 404


@pytest.mark.parametrize("width, scheme", LOOKS)
def test_everybody_can_read_it(seen, width, scheme):
    look = seen.looks[(width, scheme)]
    assert look["axe"] == [] and look["axe_passes"] > 10
    assert look["scroll_width"] <= look["client_width"] == width, "nothing to scroll sideways"
    assert look["least_contrast"]["contrast"] >= 4.5, look["least_contrast"]


def test_it_needs_no_script_and_asks_for_nothing(seen):
    for look in seen.looks.values():
        assert look["scripts"] == 0 and look["problems"] == []
        assert look["requests"] == [f"http://{seen.world.http}/funnel"]
        assert all(link.startswith(f"http://{seen.world.http}/funnel?") for link in look["links"])
    headers = seen.page["headers"]
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


# Address, flag, status of /funnel.
PLACES = [
    ("127.0.0.1:0", "auto", 200),
    ("127.0.0.1:0", "off", 404),
    ("0.0.0.0:0", "auto", 404),
    ("0.0.0.0:0", "on", 200),
]


@pytest.mark.parametrize("address, flag, status", PLACES)
def test_it_is_off_by_default_where_others_reach_it(address, flag, status, tmp_path):
    server = Authflowd(tmp_path, "--dev", "--http-listen", address, "--funnel-page", flag)
    try:
        here = server.http.replace("0.0.0.0", "127.0.0.1")
        assert get(here, "/funnel")[0] == status
        assert get(here, "/healthz")[0] == 200
    finally:
        assert server.stop() == 0
