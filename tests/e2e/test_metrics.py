"""Every metric family, after a run whose numbers are known, as a real Prometheus tells them.

support/known_run.py is the run; the tables below have the numbers. A family without a row fails, and so does a row without
a family.
"""

import re
import subprocess
import time

import pytest
from support import rpc
from support.known_run import Caller, a_whole_login, config, run
from support.prometheus import Prometheus
from support.wire_refusals import CLASSES
from support.wire_world import WireWorld

# Family -> its labels, and each series that is not 0; "-" is an empty label. Of a histogram: how many observations.
SERIES = {
    "authflow_build_info": ("version", "0.1.0 1"),
    "authflow_flows_started_total": (
        "product kind",
        """
        acme login 12
        acme signup 1
        acme reauthentication 1
        shelf login 1
        late login 1
        down login 1
        """,
    ),
    "authflow_flows_finished_total": (
        "product kind outcome step reason error_class",
        """
        acme login completed profile_configure - - 2
        acme login completed code_exchange - - 1
        acme login aborted browser_wait user_cancelled - 1
        acme login aborted browser_wait denied - 1
        acme login aborted browser_wait expired - 1
        acme login aborted browser_wait client_lost - 1
        acme login aborted - user_cancelled - 1
        acme login failed profile_configure - CLIENT_PROFILE_WRITE 1
        acme login failed code_exchange - PROVIDER_ERROR 1
        acme signup completed code_exchange - - 1
        acme reauthentication completed code_exchange - - 1
        shelf login completed apps_fetch - - 1
        late login aborted - user_cancelled - 1
        down login failed - - PROVIDER_INVALID_RESPONSE 1
        """,
    ),
    "authflow_active_flows": ("product kind", "acme login 2"),
    # The store's own totals, opted-out flows and re-authentications included.
    "authflow_flows_recorded_total": (
        "product kind state",
        """
        acme login started 12
        acme login completed 3
        acme login aborted 5
        acme login failed 2
        acme signup started 1
        acme signup completed 1
        acme reauthentication started 1
        acme reauthentication completed 1
        shelf login started 1
        shelf login completed 1
        late login started 1
        late login aborted 1
        down login started 1
        down login failed 1
        """,
    ),
    "authflow_flow_duration_seconds": (
        "product kind outcome",
        """
        acme login completed 3
        acme login aborted 5
        acme login failed 2
        acme signup completed 1
        acme reauthentication completed 1
        shelf login completed 1
        late login aborted 1
        down login failed 1
        """,
    ),
    "authflow_steps_entered_total": (
        "product kind step",
        """
        acme login browser_wait 12
        acme login code_exchange 8
        acme login apps_fetch 2
        acme login app_select 1
        acme login app_create 1
        acme login profile_configure 3
        acme signup browser_wait 1
        acme signup code_exchange 1
        acme reauthentication browser_wait 1
        acme reauthentication code_exchange 1
        shelf login browser_wait 1
        shelf login code_exchange 1
        shelf login apps_fetch 1
        """,
    ),
    # Of those that were left: two people are still between the exchange and what comes next.
    "authflow_step_duration_seconds": (
        "product kind step",
        """
        acme login browser_wait 12
        acme login code_exchange 6
        acme login apps_fetch 2
        acme login app_select 1
        acme login app_create 1
        acme login profile_configure 3
        acme signup browser_wait 1
        acme signup code_exchange 1
        acme reauthentication browser_wait 1
        acme reauthentication code_exchange 1
        shelf login browser_wait 1
        shelf login code_exchange 1
        shelf login apps_fetch 1
        """,
    ),
    # A denied sign-in brings no code.
    "authflow_code_exchanges_total": (
        "product result",
        """
        acme ok 8
        acme CODE_REFUSED 1
        acme PROVIDER_ERROR 1
        shelf ok 1
        """,
    ),
    "authflow_code_exchange_duration_seconds": ("product", "acme 10\nshelf 1"),
    "authflow_application_calls_total": (
        "product call result",
        """
        acme list ok 2
        acme create ok 1
        acme create REGION_NOT_OFFERED 1
        shelf list APPLICATIONS_NOT_CONFIGURED 1
        """,
    ),
    "authflow_application_call_duration_seconds": ("product call", "acme list 2\nacme create 2\nshelf list 1"),
    # Two calls of ours for one refresh token are one call to the provider.
    "authflow_token_calls_total": (
        "product call result",
        """
        acme refresh ok 1
        acme refresh REFRESH_TOKEN_REFUSED 1
        acme revoke ok 2
        """,
    ),
    "authflow_token_call_duration_seconds": ("product call", "acme refresh 2\nacme revoke 2"),
    "authflow_outbox_events": ("product state", "acme dead 1\nlate pending 2"),
    "authflow_delivered_events_total": ("product sink", "acme segment 30\nshelf file 3\ndown none 2"),
    "authflow_dead_events_total": ("product sink", "acme segment 1"),
    "grpc_server_handled_total": (
        "grpc_service grpc_method grpc_type grpc_code",
        """
        authflow.v1.FlowService StartFlow unary OK 16
        authflow.v1.FlowService StartFlow unary NotFound 1
        authflow.v1.FlowService StartFlow unary FailedPrecondition 1
        authflow.v1.FlowService RecordStep unary OK 20
        authflow.v1.FlowService RecordStep unary FailedPrecondition 1
        authflow.v1.FlowService FinishFlow unary OK 11
        authflow.v1.FlowService GetFlow unary OK 1
        authflow.v1.FlowService GetFlow unary Unauthenticated 1
        authflow.v1.FlowService WatchFlow server_stream OK 1
        authflow.v1.FlowService WatchFlow server_stream Canceled 1
        authflow.v1.TokenService ExchangeCode unary OK 9
        authflow.v1.TokenService ExchangeCode unary PermissionDenied 1
        authflow.v1.TokenService ExchangeCode unary FailedPrecondition 1
        authflow.v1.TokenService ExchangeCode unary Unavailable 1
        authflow.v1.TokenService RefreshToken unary OK 2
        authflow.v1.TokenService RefreshToken unary Unauthenticated 1
        authflow.v1.TokenService RevokeToken unary OK 2
        authflow.v1.ApplicationService ListApplications unary OK 2
        authflow.v1.ApplicationService ListApplications unary FailedPrecondition 2
        authflow.v1.ApplicationService CreateApplication unary OK 1
        authflow.v1.ApplicationService CreateApplication unary InvalidArgument 1
        authflow.v1.CommandService StartCommand unary OK 1
        authflow.v1.CommandService FinishCommand unary OK 1
        authflow.v1.CommandService FinishCommand unary FailedPrecondition 1
        """,
    ),
    # As handled, whatever the code.
    **dict.fromkeys(
        ("grpc_server_started_total", "grpc_server_handling_seconds"),
        (
            "grpc_service grpc_method grpc_type",
            """
            authflow.v1.FlowService StartFlow unary 18
            authflow.v1.FlowService RecordStep unary 21
            authflow.v1.FlowService FinishFlow unary 11
            authflow.v1.FlowService GetFlow unary 2
            authflow.v1.FlowService WatchFlow server_stream 2
            authflow.v1.TokenService ExchangeCode unary 12
            authflow.v1.TokenService RefreshToken unary 3
            authflow.v1.TokenService RevokeToken unary 2
            authflow.v1.ApplicationService ListApplications unary 4
            authflow.v1.ApplicationService CreateApplication unary 2
            authflow.v1.CommandService StartCommand unary 1
            authflow.v1.CommandService FinishCommand unary 2
            """,
        ),
    ),
}
# Where how many there are depends on the moment: expressions over the family, each with its value.
EXPRESSIONS = {
    # How many events come together in a batch is chance; how it went is not.
    "authflow_deliveries_total": (
        ('sum by (result) (authflow_deliveries_total{product="acme", result="retry"})', 1),
        ('sum by (result) (authflow_deliveries_total{product="acme", result="outage"})', 1),
        ('sum by (result) (authflow_deliveries_total{product="acme", result="refused"})', 0),
        ('sum by (result) (authflow_deliveries_total{product="acme", result="dead"})', 1),
        ('sum(authflow_deliveries_total{product="acme", result="delivered"}) <= bool 30', 1),
        ('sum(authflow_deliveries_total{product="late"})', 0),
        ('sum(authflow_deliveries_total{product=~"shelf|down", result!="delivered"})', 0),
    ),
    "authflow_delivery_duration_seconds": (
        ('sum(authflow_delivery_duration_seconds_count) - sum(authflow_deliveries_total{result!="dead"})', 0),
        ('authflow_delivery_duration_seconds_count{product="late"}', 0),
    ),
    "authflow_outbox_oldest_age_seconds": (
        ('authflow_outbox_oldest_age_seconds{product="late"} > bool 0', 1),
        ('sum(authflow_outbox_oldest_age_seconds{product!="late"})', 0),
    ),
    "authflow_store_commit_batch_size": (
        ("authflow_store_commit_batch_size_count - authflow_store_commit_duration_seconds_count", 0),
        # One for each entry of a flow, at least.
        ("authflow_store_commit_batch_size_sum >= bool 60", 1),
    ),
    "authflow_store_commit_duration_seconds": (("authflow_store_commit_duration_seconds_sum > bool 0", 1),),
    "authflow_store_commit_failures_total": (("sum(authflow_store_commit_failures_total)", 0),),
    # One of the five aborted ones waited in the browser until its time was up.
    "authflow_flow_duration_seconds": (
        ('authflow_flow_duration_seconds_sum{product="acme", kind="login", outcome="aborted"} >= bool 5', 1),
    ),
    # The law of conservation: what started has ended or is active.
    "authflow_flows_recorded_total": (
        (
            'sum(authflow_flows_recorded_total{state="started"}) - sum(authflow_flows_recorded_total{state!="started"})'
            " - sum(authflow_active_flows)",
            0,
        ),
    ),
    "process_cpu_seconds_total": (("process_cpu_seconds_total > bool 0", 1),),
    "process_resident_memory_bytes": (("process_resident_memory_bytes > bool 1e6", 1),),
    "process_open_fds": (("process_open_fds > bool 3", 1),),
}


@pytest.fixture(scope="module")
def known(services, odd_program, tmp_path_factory):
    """After the run: the caller, Prometheus, and the time of a scrape that saw all of it."""
    folder = tmp_path_factory.mktemp("metrics")
    odd = odd_program
    odd.post("/reset")
    odd.set(user_in_token=True, user_key="id")
    limits = "browser_wait { seconds: 5 } grace { seconds: 1 }"
    world = WireWorld(services, folder / "world", config(odd), limits=limits).start()
    prometheus = Prometheus(folder, world.http)
    try:
        caller = Caller(world, odd)
        run(caller)
        yield caller, prometheus, prometheus.wait_scrape(time.time())
    finally:
        prometheus.stop()
        services.receiver.delete("/faults")
        world.close()
        odd.post("/reset")


def types_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


@pytest.mark.parametrize("family", SERIES)
def test_each_series_has_its_number(known, family):
    _, prometheus, at = known
    names, table = SERIES[family]
    wanted = {tuple(row.split()[:-1]): float(row.split()[-1]) for row in table.strip().splitlines()}
    histogram = types_of(known[0].world.metrics().text)[family] == "histogram"
    found = {}
    for labels, value in prometheus.query(f"{family}{'_count' if histogram else ''} != 0", at):
        assert labels.keys() <= set(names.split())
        found[tuple(labels.get(name, "-") for name in names.split())] = value
    assert found == wanted


@pytest.mark.parametrize("expression, value", [pair for pairs in EXPRESSIONS.values() for pair in pairs])
def test_each_expression_has_its_number(known, expression, value):
    _, prometheus, at = known
    assert [number_ for _, number_ in prometheus.query(expression, at)] == [value]


def test_no_family_is_without_a_row_and_no_row_without_a_family(known):
    exported = types_of(known[0].world.metrics().text)
    assert SERIES.keys() | EXPRESSIONS.keys() == exported.keys()
    documented = (rpc.ROOT / "docs/operations.md").read_text()
    for family in exported:
        # "..._duration_seconds" beside the counter of the same calls; process_* are what every exporter has.
        short = re.sub(r".*_call(_duration_seconds)$", r"...\1", family)
        assert f"`{family}`" in documented or f"`{short}`" in documented or family.startswith("process_"), family


def test_promtool_and_prometheus_take_all_of_it(known):
    caller, prometheus, at = known
    metrics = caller.world.metrics()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.text, capture_output=True, text=True, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert prometheus.query("scrape_samples_scraped", at) == [({}, len(metrics.samples))]


# Label -> all the values that it can have, as a pattern.
LABELS = {
    "product": "acme|shelf|late|down",
    "kind": "login|signup|reauthentication",
    "step": "|browser_wait|code_exchange|apps_fetch|app_select|app_create|profile_configure",
    "outcome": "completed|aborted|failed",
    "reason": "|user_cancelled|denied|client_lost|expired|STORE_UNAVAILABLE|STORE_FULL",
    "error_class": "|".join(["", *CLASSES]),
    "result": "|".join(["ok", "delivered", "retry", "refused", "outage", "dead", *CLASSES]),
    "call": "list|create|refresh|revoke",
    "state": "pending|dead|started|completed|aborted|failed",
    "sink": "segment|file|none",
    "version": r"\d+\.\d+\.\d+",
    "le": r"[0-9.e-]+|\+Inf",
    "grpc_type": "unary|server_stream",
    "grpc_service": r"authflow\.v1\.[A-Z][A-Za-z]+",
    "grpc_method": "[A-Z][A-Za-z]+",
    "grpc_code": "[A-Z][A-Za-z]+",
}


def test_labels_are_bounded_and_name_nobody(known):
    caller, _, _ = known
    metrics = caller.world.metrics()
    for name, labels, _ in metrics.samples:
        for label, value in labels.items():
            assert re.fullmatch(LABELS[label], value), f"{name} {label}={value!r}"
    assert len(caller.secrets) > 60
    for what, text in caller.secrets.items():
        assert text not in metrics.text, what


def test_more_people_add_no_series(known):
    caller, _, _ = known

    def series() -> set:
        return {(name, *sorted(labels.items())) for name, labels, _ in caller.world.metrics().samples}

    before = series()
    for person, user_id in enumerate(("number", "big", "string")):
        caller.odd.set(user_id=user_id)
        a_whole_login(caller, command=f"tool {person}")
    assert caller.world.metrics().sum("authflow_flows_started_total", product="acme") == 17
    assert series() == before
