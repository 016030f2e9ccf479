"""authflowd as a process: its command line, how it starts and refuses to, health, TLS, --dev, and how it stops.

init and --check: test_operator.py."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import grpc
import pytest
from support import authflowd, rpc
from support.authflowd import Authflowd, any_port, ended, get
from support.events import expected
from support.machine import AUTHFLOW
from support.wire_client import COMPLETED, FLOW, Wire
from support.wire_world import USER_IN_ANSWER, by_hand, product

# grpc.health.v1.HealthCheckResponse, as it is on the wire.
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


@pytest.fixture
def serve(tmp_path):
    """Starts servers of their own: serve("--dev", ...)."""
    programs = []

    def start(*flags) -> Authflowd:
        programs.append(Authflowd(tmp_path, *flags, name=f"authflowd-{len(programs) + 1}"))
        return programs[-1]

    yield start
    for program in programs:
        program.stop()


@pytest.fixture
def dial():
    clients = []

    def connect(server, **options) -> Wire:
        clients.append(Wire(server.grpc.replace("0.0.0.0", "127.0.0.1"), **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def config(tmp_path):
    """A good configuration that asks nobody anything at the start."""
    path = tmp_path / "authflow.conf"
    path.write_text(product("tool", by_hand("http://127.0.0.1:9")))
    return path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Of this machine, in a folder: cert.pem and its key.pem; other.pem is the key of none."""
    folder = tmp_path_factory.mktemp("tls")
    new_key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    for name in ("key.pem", "other.pem"):
        subprocess.run([*new_key, folder / name], check=True)
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    itself = ["openssl", "req", "-x509", "-key", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    subprocess.run([*itself, "-subj", "/CN=localhost", "-addext", names], check=True, capture_output=True)
    (folder / "empty.pem").write_text("")
    return folder


def health(client: Wire):
    return client.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=60)


# Health and reflection.


def test_buf_curl_says_serving_and_lists_the_services(serve):
    server = serve("--dev")
    plain = ("--http2-prior-knowledge",)
    answer = authflowd.buf_curl(*plain, f"http://{server.grpc}/grpc.health.v1.Health/Check")
    assert json.loads(answer) == {"status": "SERVING"}
    listed = authflowd.buf_curl(*plain, "--list-services", f"http://{server.grpc}")
    assert listed.split() == [
        "authflow.v1.ApplicationService",
        "authflow.v1.CommandService",
        "authflow.v1.FlowService",
        "authflow.v1.TokenService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


def test_the_http_listener_has_metrics_and_health_and_nothing_else(serve, config, tmp_path):
    server = serve("--config", config, "--data", tmp_path / "data")
    assert get(server.http, "/healthz") == (200, "ok\n")
    status, metrics = get(server.http, "/metrics")
    assert status == 200 and "authflow_build_info{" in metrics
    # The provider of --dev is no page of a real server.
    for path in ("/", "/metrics/", "/dev/authorize", "/dev/device", "/healthz/../metrics"):
        assert get(server.http, path)[0] == 404, path


def test_threads_are_listed_by_what_they_do(serve, tmp_path):
    config = tmp_path / "authflow.conf"
    config.write_text(product("tool", by_hand("http://127.0.0.1:9"), sink='file { path: "events.jsonl" }'))
    server = serve("--config", config, "--data", tmp_path / "data")
    tasks = Path(f"/proc/{server.process.pid}/task")
    ours = {"writer", "reader", "checkpointer", "worker", "http client", "file sink", "http server", "log"}
    limit = time.monotonic() + 30
    # A thread names itself when it first runs, and nobody tells of that.
    while missing := ours - {(task / "comm").read_text().strip() for task in tasks.iterdir()}:
        assert time.monotonic() < limit, missing
    assert (tasks / str(server.process.pid) / "comm").read_text() == "authflowd\n", "as pidof and pkill know it"


# Stopping.


def test_sigterm_drains_with_an_open_watch_and_an_open_flow(new_wire, odd):
    world = new_wire(product("acme", by_hand(odd.base, USER_IN_ANSWER)))
    client = world.client()
    told = health(client)
    assert next(told) == SERVING
    login = client.start("acme")
    watch = client.flows.WatchFlow(rpc.flows.WatchFlowRequest(flow_token=login.token), timeout=60)
    assert not next(watch).draining

    world.server.process.send_signal(signal.SIGTERM)
    assert next(told) == NOT_SERVING
    told.cancel()
    messages = list(watch)
    assert messages[-1].draining and not messages[-1].flow.HasField("outcome")
    assert watch.code() is grpc.StatusCode.OK
    assert world.server.wait(30) == 0
    stopped = json.loads(world.server.err.all()[-1])
    assert (stopped["event"], stopped["calls_cut_off"]) == ("stopped", False), "well within the grace period"

    world.start()
    assert not world.client().get(login.token).HasField("outcome"), "an open flow goes on after a restart"


def test_an_exchange_under_way_is_answered_before_the_server_goes(new_wire, odd):
    odd.set(user_in_token=True, user_key="id")
    world = new_wire(product("acme", by_hand(odd.base, USER_IN_ANSWER)))
    client = world.client()
    login = client.start("acme")
    client.step(login.token, FLOW.STEP_BROWSER_WAIT)
    login.approve()
    odd.fault("token", hang=True, times=1)
    answers = []
    call = threading.Thread(target=lambda: answers.append(login.exchange()))
    call.start()
    odd.get("/wait", endpoint="token", count=1)
    told = health(client)
    assert next(told) == SERVING
    world.server.process.send_signal(signal.SIGTERM)
    assert next(told) == NOT_SERVING
    told.cancel()
    odd.post("/release", {"endpoint": "token"})
    call.join(30)
    assert answers and answers[0].tokens.access_token
    assert world.server.wait(30) == 0


def test_a_second_signal_ends_a_drain_at_once(serve, dial):
    server = serve("--dev", "--grace", "10m")
    told = health(dial(server))
    assert next(told) == SERVING
    # This client does not let go, and the server waits for it.
    server.process.send_signal(signal.SIGTERM)
    assert next(told) == NOT_SERVING
    assert get(server.http, "/healthz") == (503, "stopping\n")
    # Two signals in the same moment count as one wish: the second is repeated until it is a second one.
    code = None
    for _ in range(200):
        server.process.send_signal(signal.SIGTERM)
        try:
            code = server.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            continue
    assert code == 1


# Starting.


def test_the_first_start_makes_data_that_nobody_else_can_read(serve, config, tmp_path):
    server = serve("--config", config, "--data", tmp_path / "data", "--key-file", tmp_path / "apart.key")
    assert oct((tmp_path / "data").stat().st_mode & 0o777) == "0o700"
    files = [tmp_path / "apart.key", *(tmp_path / "data").iterdir()]
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files} == {path.name: "0o600" for path in files}
    assert not (tmp_path / "data" / "server.key").exists()
    assert server.stop() == 0


def test_a_data_folder_and_an_address_have_one_server(serve, config, tmp_path):
    data = tmp_path / "data"
    server = serve("--config", config, "--data", data)
    for flags, sentence in (
        (("--data", data), f"another authflowd uses the data folder {data} .*: stop it, or give this one a folder"),
        (("--data", tmp_path / "2", "--listen", server.grpc), f"cannot serve gRPC on {server.grpc}: another .* --listen names"),
        (("--data", tmp_path / "3", "--http-listen", server.http), f"cannot serve HTTP on {server.http}: another .* --http-l"),
    ):
        second = ended("--config", config, *any_port(flags), *flags)
        assert second.returncode == 1
        assert re.search(rf"^authflowd: {sentence}", second.stderr, re.M), second.stderr
    assert get(server.http, "/healthz") == (200, "ok\n"), "the first goes on"


def test_a_key_that_others_can_read_is_refused(config, tmp_path):
    key = tmp_path / "server.key"
    key.write_text("1" * 64 + "\n")
    for mode in (0o644, 0o640, 0o602):
        key.chmod(mode)
        refused = ended(*any_port(()), "--config", config, "--data", tmp_path / "data", "--key-file", key)
        assert refused.returncode == 1
        assert f"key file {key}: its mode lets others read or write it: chmod 600" in refused.stderr
        assert "1111" not in refused.stderr


def test_the_folders_above_the_data_are_made_for_their_owner_alone(serve, config, tmp_path):
    serve("--config", config, "--data", tmp_path / "a/b/data")
    for folder in ("a", "a/b", "a/b/data"):
        assert oct((tmp_path / folder).stat().st_mode & 0o777) == "0o700", folder
    (tmp_path / "file").touch()
    refused = ended(*any_port(()), "--config", config, "--data", tmp_path / "file/data")
    assert refused.returncode == 1
    assert f"cannot make the data folder {tmp_path}/file/data: Not a directory" in refused.stderr


# Command line -> exit code, and what stderr says. CONFIG and TLS are files of the test.
REFUSED = {
    "nothing": ("", 2, "--config FILE is missing .authflowd init writes one; authflowd --dev needs none."),
    "no data folder": ("--config CONFIG", 2, "--data DIR is missing"),
    "an unknown flag": ("--dev --nonsense", 2, "not expected: --nonsense"),
    "an unknown word": ("nonsense", 2, "not expected: nonsense"),
    "init without a client": ("init --issuer https://id.example.com", 2, "--client-id is required"),
    "init with a bad issuer": ("init --issuer id.example.com --client-id x", 1, "--issuer: must be an https URL"),
    "no such configuration": ("--check --config absent", 1, "cannot read the configuration absent: .*authflowd init"),
    "probe alone": ("--probe --config CONFIG", 2, "--probe goes with --check"),
    "dev with a configuration": ("--dev --config CONFIG", 2, "--dev has a configuration of its own"),
    "no address": ("--dev --listen here", 2, '--listen: "here" is not of the form HOST:PORT'),
    "an address twice": ("--dev --listen 127.0.0.1:0 --listen 127.0.0.1:1", 2, "^authflowd: --listen is given twice$"),
    "a flag of a verb twice": ("tail --data x --product a --product b", 2, "^authflowd: --product is given twice$"),
    "no duration": ("--dev --grace soon", 2, '--grace: "soon" is not a duration like 500ms, 10s or 2m'),
    "no level": ("--dev --log-level loud", 2, "--log-level: loud not in"),
    "plaintext for all": (
        "--dev --listen 0.0.0.0:0",
        2,
        "--listen 0.0.0.0:0 can be reached from other machines: give --tls-cert and --tls-key, or --allow-plaintext",
    ),
    "half of TLS": ("--dev --tls-cert TLS/cert.pem", 2, "--tls-cert and --tls-key go together"),
    "no certificate file": ("--dev --tls-cert TLS/no.pem --tls-key TLS/key.pem", 1, "--tls-cert .*no.pem: No such"),
    "no key file": ("--dev --tls-cert TLS/cert.pem --tls-key TLS/no.pem", 1, "--tls-key .*no.pem: No such file"),
    "no certificate": ("--dev --tls-cert TLS/empty.pem --tls-key TLS/key.pem", 1, "--tls-cert .*: there is no certifi"),
    "no key": ("--dev --tls-cert TLS/cert.pem --tls-key TLS/cert.pem", 1, "--tls-key .*: there is no private key in"),
    "another key": ("--dev --tls-cert TLS/cert.pem --tls-key TLS/other.pem", 1, "it is not the key of the certificate"),
}


@pytest.mark.parametrize("flags, code, sentence", REFUSED.values(), ids=REFUSED)
def test_a_wrong_command_line_gets_a_sentence(flags, code, sentence, config, certificate, tmp_path):
    words = flags.replace("CONFIG", str(config)).replace("TLS", str(certificate)).split()
    http = ("--http-listen", "127.0.0.1:0") if "--dev" in words else ()
    refused = ended(*words, *http, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert re.search(sentence, refused.stderr), refused.stderr


def test_help_names_every_flag_of_the_docs():
    shown = ended("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    documented = (rpc.ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| (`--.*?) \|", documented, re.M)
    flags = {flag for row in rows for flag in re.findall(r"--[a-z-]+", row)}
    assert len(flags) > 10
    assert flags <= set(re.findall(r"--[a-z-]+", shown.stdout))
    assert "init" in shown.stdout
    assert "--issuer" in ended("init", "--help").stdout
    for verb in ("funnel", "tail", "flow show", "flow list", "outbox list", "outbox retry", "backup", "restore"):
        assert re.search(rf"\n  authflowd {verb}.* --data ", ended(*verb.split(), "--help").stdout), verb


@pytest.mark.parametrize(
    "verb", ["", "init", "funnel", "tail", "flow", "flow show", "flow list", "outbox list", "outbox retry", "backup", "restore"]
)
def test_help_fits_a_terminal(verb):
    shown = ended(*verb.split(), "--help").stdout
    assert shown and max(map(len, shown.splitlines())) <= 80, shown


def test_version_is_that_of_the_metrics(serve):
    version = ended("--version")
    assert version.returncode == 0
    number = re.fullmatch(r"authflowd (\d+\.\d+\.\d+)\n", version.stdout)[1]
    assert f'authflow_build_info{{version="{number}"}} 1' in get(serve("--dev").http, "/metrics")[1]


# Plaintext, TLS and --dev.


def test_plaintext_is_served_to_all_when_asked_for(serve, dial):
    server = serve("--dev", "--listen", "0.0.0.0:0", "--allow-plaintext")
    assert server.grpc.startswith("0.0.0.0:")
    assert dial(server).start("dev").token


def test_tls_is_served_by_flags_and_plaintext_is_not(serve, dial, certificate):
    files = ("--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem")
    server = serve("--dev", "--listen", "0.0.0.0:0", *files)
    trust = grpc.ssl_channel_credentials((certificate / "cert.pem").read_bytes())
    trusting, naive = dial(server, credentials=trust), dial(server)
    assert trusting.start("dev").token
    with pytest.raises(grpc.RpcError) as refused:
        naive.start("dev")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    for client in (trusting, naive):
        client.close()
    port = server.grpc.rsplit(":", 1)[1]
    url = f"https://localhost:{port}/grpc.health.v1.Health/Check"
    assert json.loads(authflowd.buf_curl("--cacert", certificate / "cert.pem", url)) == {"status": "SERVING"}
    assert server.stop() == 0
    events = [json.loads(line)["event"] for line in server.err.all()]
    assert "grpc" in events, "gRPC's own words about the failed handshake are lines like all others"


DEV_LOGIN = """
#1 Command Invoked command="authflow login" user=-
#2 CLI Auth Started flow=login no_browser=false command="authflow login" flow_id=F user=-
identify configured_applications version operating_system is_ci email name user=U
#3 CLI Auth Completed flow=login duration_ms=N command="authflow login" flow_id=F user=U
#4 Command Completed succeeded=true exit_code=0 duration_ms=N command="authflow login" user=U
"""


def test_dev_is_all_that_a_test_of_a_cli_needs(serve, tmp_path):
    """authflowd --dev, and a login whose browser signs in at once; nothing is set up, and nothing is left."""
    server = serve("--dev")
    home = tmp_path / "home"
    home.mkdir()
    browser = home / "browser"
    browser.write_text('#!/bin/sh\nexec curl --silent --location --output "$HOME/page" "$1"\n')
    browser.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BROWSER": str(browser),
        "AUTHFLOW_SERVER": server.grpc,
        "AUTHFLOW_PRODUCT": "dev",
    }

    def cli(*words) -> dict:
        done = subprocess.run(
            [AUTHFLOW, *words, "--json"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    document = cli("login", "--app-name", "Shop")
    assert (document["email"], document["application"]["name"]) == ("dev@example.com", "Shop")
    assert "You are signed in" in (home / "page").read_text()
    assert server.out.wait(r"#4 Command Completed", 15), "each event is printed as it comes"
    shown = [re.sub(r"^\d\d:\d\d:\d\d\.\d{3}\s+", "", line) for line in server.out.all()[1:]]
    varying = {r"duration_ms=\d+": "duration_ms=N", r"flow_id=\S+": "flow_id=F", r"user=dev-\S+": "user=U"}
    for pattern, text in varying.items():
        shown = [re.sub(pattern, text, " ".join(line.split())) for line in shown]
    assert shown == expected(DEV_LOGIN)
    assert cli("status")["email"] == "dev@example.com"
    assert [one["name"] for one in cli("apps", "list")["applications"]] == ["Shop"]
    assert cli("logout")["revoked"] is True
    assert server.stop() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "logs"], "the server keeps nothing"


def test_dev_takes_a_device_code_for_approved(serve, tmp_path):
    server = serve("--dev")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    environment |= {"AUTHFLOW_SERVER": server.grpc, "AUTHFLOW_PRODUCT": "dev"}
    login = [AUTHFLOW, "login", "--device", "--app-name", "Shop", "--json"]
    done = subprocess.run(login, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["email"] == "dev@example.com"
    assert re.search(r"Type in this code there: [A-Z]{4}-[A-Z]{4}$", done.stderr, re.MULTILINE), done.stderr
    page = re.search(r"Open this address on any device: http://[^/]*(/\S+)", done.stderr)[1]
    assert get(server.http, page) == (200, "Nothing to do here: the provider of --dev takes each code for approved.\n")
    assert server.out.wait(r"CLI Auth Completed.*flow=login", 15)


def test_dev_speaks_to_any_client(serve, dial):
    """A CLI in another language: four calls and one HTTP request."""
    client = dial(serve("--dev"))
    login = client.start("dev")
    client.step(login.token, FLOW.STEP_BROWSER_WAIT)
    answer = login.exchange()
    assert answer.identity.email == "dev@example.com"
    assert login.finish(COMPLETED).outcome.HasField("completed")
