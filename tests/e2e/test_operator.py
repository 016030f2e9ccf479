"""What an operator does before the first start: init, --check, --check --probe."""

import subprocess

import pytest

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
