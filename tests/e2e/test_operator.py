"""What an operator does before the first start (init, --check, --check --probe), and beside a server: tail, flow show, flow list."""

import json
import re
import signal
import subprocess

import grpc
import pytest

from support.processes import Program
from support.wire_client import CANCELLED, COMPLETED, FLOW, invocation
from support.wire_world import USER_IN_ANSWER, by_hand, product
from support.world import AUTHFLOWD

BASIC = "client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC"
SVC = f'client_id: "svc" {BASIC} client_secret {{ file: "secret" }}'


def authflowd(*arguments, cwd) -> subprocess.CompletedProcess:
    return subprocess.run([AUTHFLOWD, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


def init(folder, issuer: str, *more: str) -> subprocess.CompletedProcess:
    return authflowd("init", "--issuer", issuer, "--client-id", "cli", *more, cwd=folder)


def probe(folder, text: str) -> subprocess.CompletedProcess:
    (folder / "authflow.conf").write_text(text)
    return authflowd("--check", "--probe", "--config", "authflow.conf", cwd=folder)


def test_what_init_writes_is_right_and_serves(tmp_path, services, new_wire):
    written = init(tmp_path, services.issuer, "--output", "authflow.conf")
    assert (written.returncode, written.stdout) == (0, "")
    assert "authflowd --check --probe --config authflow.conf" in written.stderr
    checked = authflowd("--check", "--config", "authflow.conf", cwd=tmp_path)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "authflow.conf: ok, 1 product\n", "")
    probed = authflowd("--check", "--probe", "--config", "authflow.conf", cwd=tmp_path)
    assert probed.returncode == 0, probed.stdout
    assert "WRONG" not in probed.stdout
    text = (tmp_path / "authflow.conf").read_text()
    assert init(tmp_path, services.issuer).stdout == text, "without --output it goes to stdout"
    # No more is needed for a server.
    url = new_wire(text).client().start("tool").answer.authorization_url
    assert url.startswith(services.issuer + "/auth?")


def test_init_spoils_nothing(tmp_path, services):
    (tmp_path / "authflow.conf").write_text("mine")
    refused = init(tmp_path, services.issuer, "--output", "authflow.conf")
    assert refused.returncode == 1
    assert "authflow.conf exists already" in refused.stderr
    assert (tmp_path / "authflow.conf").read_text() == "mine"
    refused = init(tmp_path, "http://id.example.com", "--output", "other.conf")
    assert refused.returncode == 1
    assert "--issuer: " in refused.stderr, "who has no file yet knows flags and no paths"
    assert not (tmp_path / "other.conf").exists()


# What is wrong, and words of the line that says so.
MISTAKES = [
    (lambda text: text.replace("client_id:", "clientid:"), 'no field named "clientid"'),
    (lambda text: text.replace('"https://id.example.com"', '"http://id.example.com"'), "products[0].provider.issuer"),
    (lambda text: text.replace('id: "tool"', 'id: "My Tool"'), "products[0].id"),
    (lambda text: text.replace("redirect {", "redirect { ports: 0"), "products[0].redirect.ports[0]"),
    (lambda text: text.replace('regions: ["eu", "us"]', ""), "products[0].applications.local.regions"),
    (lambda text: text + "flow_limits { expiry { seconds: 1 } }", "flow_limits.expiry"),
    (lambda text: text.replace("# client_secret {", "client_secret {"), "products[0].provider.client_secret"),
]


@pytest.mark.parametrize("spoil, said", MISTAKES, ids=[said for _, said in MISTAKES])
def test_check_names_the_field(spoil, said, tmp_path):
    good = init(tmp_path, "https://id.example.com").stdout
    (tmp_path / "authflow.conf").write_text(spoil(good))
    checked = authflowd("--check", "--config", "authflow.conf", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert said in checked.stderr
    # The server says the same, and does not start.
    served = authflowd("--config", "authflow.conf", "--data", "data", "--listen", "127.0.0.1:0", cwd=tmp_path)
    assert (served.returncode, served.stderr) == (1, checked.stderr)


# The provider's lines, the file with the secret, the exit code, and words of the line about the client.
CLIENTS = [
    ('client_id: "cli"', "", 0, "ok    client: The provider knows the client."),
    ('client_id: "nobody"', "", 1, "WRONG client: "),
    (SVC, "svc-secret-0123456789abcdef\n", 0, "ok    client: The provider knows the client and its secret."),
    (SVC, "not-the-secret-at-all", 1, "WRONG client: "),
    (SVC.replace("BASIC", "POST"), "not-the-secret-at-all", 1, "WRONG client: "),
]


@pytest.mark.parametrize("client, secret, code, said", CLIENTS)
def test_probe_tells_whether_client_and_secret_are_known(client, secret, code, said, tmp_path, services):
    (tmp_path / "secret").write_text(secret)
    probed = probe(tmp_path, product("tool", f'issuer: "{services.issuer}" {client}'))
    assert probed.returncode == code, probed.stdout
    lines = [line.strip() for line in probed.stdout.splitlines()]
    assert [line for line in lines if line.startswith(said)], probed.stdout
    assert f"ok    discovery: Read from {services.issuer}/.well-known/openid-configuration" in probed.stdout
    assert f"ok    keys: At {services.issuer}/jwks: 1 for RS256, 0 for ES256." in lines
    assert not secret or secret.strip() not in probed.stdout + probed.stderr


REDIRECTS = [
    ("", ["http://127.0.0.1/callback"]),
    ('path: "/done" host: "[::1]"', ["http://[::1]/done"]),
    (
        'ports: 8400 ports: 8401 host: "localhost" uris: "https://tool.example.com/done"',
        ["http://localhost:8400/callback", "http://localhost:8401/callback", "https://tool.example.com/done"],
    ),
]


@pytest.mark.parametrize("rules, registered", REDIRECTS)
def test_probe_prints_the_redirect_uris_to_register(rules, registered, tmp_path, odd):
    probed = probe(tmp_path, product("tool", by_hand(odd.base, USER_IN_ANSWER), redirect=rules))
    assert probed.returncode == 0, probed.stdout
    lines = [line.strip() for line in probed.stdout.splitlines()]
    assert lines[lines.index("redirect URIs to register:") + 1 :] == registered


def test_probe_says_what_is_wrong_with_a_provider_and_goes_on_with_the_next(tmp_path, odd):
    issuer = f'issuer: "{odd.base}" client_id: "odd-cli"'
    away = 'issuer: "http://127.0.0.1:1" client_id: "odd-cli"'
    odd.set(discovery="wrong_issuer")
    text = product("other", issuer) + product("away", away) + product("good", by_hand(odd.base, USER_IN_ANSWER))
    probed = probe(tmp_path, text)
    assert probed.returncode == 1
    blocks = probed.stdout.split("product ")[1:]
    assert [block.split("\n")[0] for block in blocks] == ["other", "away", "good"]
    other, away, good = blocks
    assert "WRONG discovery: " in other and "another issuer" in other
    assert "WRONG discovery: " in away and "cannot be reached" in away
    assert "WRONG" not in good and "ok    client: The provider knows the client." in good


# Beside a server.


@pytest.fixture
def acme(new_wire, odd):
    odd.set(user_in_token=True, user_key="id")
    provider = by_hand(odd.base, USER_IN_ANSWER)
    return new_wire(
        lambda world: product("acme", provider, sink=world.segment_sink()) + product("shelf", provider)
    )


class Tail(Program):
    def __init__(self, world, *flags):
        super().__init__("tail", [AUTHFLOWD, "tail", "--data", world.data, *flags], world.logs)
        assert self.err.wait("^Following what is recorded", 15)

    def interrupt(self) -> list[str]:
        """Ctrl-C; what it has printed."""
        self.process.send_signal(signal.SIGINT)
        assert self.wait(15) == 0
        return self.out.all()


def a_login_with_its_command(world):
    api, who = world.client(), invocation()
    api.invoke("acme", who)
    login = api.start("acme", invocation=who)
    api.step(login.token, FLOW.STEP_BROWSER_WAIT)
    login.exchange()
    login.finish(COMPLETED)
    api.complete("acme", who.invocation_id, exit_code=1, error_class="net.Timeout")
    return login


def test_tail_shows_each_event_as_the_sink_gets_it_and_no_person(acme):
    api = acme.client()
    api.start("acme").finish(CANCELLED)
    acme.wait_event("CLI Auth Aborted")
    tail = Tail(acme, "--json")
    mark = acme.mark()
    for _ in range(5):
        a_login_with_its_command(acme)
    api.start("shelf").finish(CANCELLED)
    acme.wait_event("Command Completed", count=5, since=mark)
    assert tail.out.wait('"product":"shelf".*Aborted', 15)
    shown = [json.loads(line) for line in tail.interrupt()]
    assert [line["product"] for line in shown].count("shelf") == 2, "a product without a sink has events, too"
    received = {message["messageId"]: message for message in acme.received(mark)}
    assert len(received) == 25
    for message in received.values():
        for name in ("email", "name"):
            message.get("traits", {}).pop(name, None)
    assert {line["messageId"]: line for line in shown if line.pop("product") == "acme"} == received
    assert "odd@example.com" not in "".join(tail.out.all())


def test_tail_shows_an_event_in_a_line(acme):
    tail = Tail(acme, "--product", "acme")
    acme.client().start("shelf").finish(CANCELLED)
    login = a_login_with_its_command(acme)
    assert tail.out.wait("Command Completed", 15)
    lines = tail.interrupt()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  acme  ", line) for line in lines)
    shown = [re.sub(r"duration_ms=\d+", "duration_ms=N", line.split("  ", 2)[2]) for line in lines]
    run, flow = f"invocation_id={login.invocation_id}", f"flow_id={login.flow_id}"
    assert shown == [
        f"Command Invoked  {run}",
        f"CLI Auth Started  flow=login no_browser=false {flow} {run}",
        f"identify  {flow}",
        f"CLI Auth Completed  flow=login duration_ms=N {flow} {run}",
        "Command Completed  succeeded=false exit_code=1 duration_ms=N error_class=net.Timeout user_cancelled=false "
        + run,
    ]


def test_a_tail_that_was_killed_costs_nothing_for_long_and_a_server_does_not_mind(acme):
    tail = Tail(acme)
    tail.kill()
    a_login_with_its_command(acme)
    acme.wait_event("Command Completed")
    assert Tail(acme).interrupt() == [], "only what comes from now on"


def test_tail_needs_a_database(tmp_path):
    refused = authflowd("tail", "--data", "nowhere", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "authflowd: there is no database nowhere/authflow.db\n"


def listed(world, *flags) -> list[list[str]]:
    """Columns of what `flow list` prints."""
    done = authflowd("flow", "list", "--data", world.data, *flags, cwd=world.folder)
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    assert done.stderr.startswith(f"{len(rows)} flow")
    return rows


def test_a_flow_is_found_by_its_user_outcome_and_time_and_shown_whole(acme, odd):
    api = acme.client()
    done = a_login_with_its_command(acme)
    api.start("acme", invocation=invocation(do_not_track=True)).finish(CANCELLED)
    odd.set(redirect="denied")
    denied = api.start("acme", invocation=invocation(user_id="odd-user-1"), kind=FLOW.FLOW_KIND_SIGNUP)
    api.step(denied.token, FLOW.STEP_BROWSER_WAIT)
    with pytest.raises(grpc.RpcError):
        denied.exchange()
    waiting = api.start("shelf")

    def ids(*flags):
        return [row[1] for row in listed(acme, *flags)]

    rows = listed(acme)
    assert len(rows) == 4 and rows == sorted(rows, reverse=True), "the latest first"
    assert ids("--user", "odd-user-1") == [denied.flow_id, done.flow_id]
    assert ids("--user", "odd-user") == ids("--user", "odd@example.com") == []
    assert ids("--outcome", "open") == ids("--product", "shelf") == [waiting.flow_id]
    assert ids("--outcome", "denied") == ids("--kind", "signup") == [denied.flow_id]
    assert len(ids("--outcome", "aborted")) == 2 and ids("--outcome", "PROVIDER_TIMEOUT") == []
    assert ids("--limit", "1") == [waiting.flow_id]
    assert ids("--since", "1m", "--outcome", "completed") == [done.flow_id]
    assert rows[1][2:4] == ["acme signup", "aborted denied"] and rows[1][4].startswith("step=browser_wait took=")
    assert rows[0][3:4] == ["open"] and rows[3][3] == "completed"

    shown = authflowd("flow", "show", done.flow_id, "--data", acme.data, cwd=acme.folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    entries = [re.fullmatch(r"(\d+)  \S+Z  (\w+).*", line) for line in shown.stdout.splitlines()]
    assert [entry[2] for entry in entries] == ["started", "entered", "exchange_begun", "exchanged", "ended"]
    assert "odd" not in shown.stdout, "neither prints who it was"
    alias = authflowd("flow", done.flow_id, "--data", acme.data, cwd=acme.folder)
    assert (alias.returncode, alias.stdout) == (0, shown.stdout)


@pytest.mark.parametrize(
    "words, said",
    [
        (("flow", "--data", "x"), "which flow?"),
        (("flow", "show", "--data", "x"), "ID is required"),
        (("flow", "list", "--data", "x", "--outcome", "lost"), '"lost" is no outcome, reason or error class'),
        (("flow", "list"), "--data DIR is missing"),
    ],
)
def test_a_question_about_flows_that_is_none(words, said, tmp_path):
    refused = authflowd(*words, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "") and said in refused.stderr
