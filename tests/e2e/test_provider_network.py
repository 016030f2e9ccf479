"""The way to the provider: TLS with an authority of one's own, and an HTTP proxy."""

import base64
import http.client
import ssl
import subprocess
import urllib.parse

import pytest

from support.connect_proxy import ConnectProxy
from support.wire_fixtures import start_odd
from support.wire_refusals import refused
from support.wire_world import USER_IN_ANSWER, by_hand, product

# A name that only the proxy can make something of.
PROXIED = "idp.invalid"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def new_key(name: str) -> list[str]:
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    return [*kind, "-keyout", f"{name}.key", "-subj", f"/CN={name}"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca.pem and stranger.pem, two authorities; server.pem comes from the first."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "stranger"):
        extension = "basicConstraints=critical,CA:TRUE"
        openssl(folder, "req", "-x509", *new_key(name), "-out", f"{name}.pem", "-days", "2", "-addext", extension)
    (folder / "names").write_text(f"subjectAltName=DNS:{PROXIED},IP:127.0.0.1\n")
    openssl(folder, "req", *new_key("server"), "-out", "server.csr")
    openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "server.pem", "-days", "2", "-extfile", "names"),
    )
    return folder


@pytest.fixture(scope="module")
def tls(certificates, tmp_path_factory):
    """The odd provider over TLS, as an issuer."""
    files = ("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    odd = start_odd(tmp_path_factory.mktemp("tls"), *files)
    assert odd.base.startswith("https://127.0.0.1:")
    odd.set(discovery="on", user_in_token=True, user_key="id")
    yield odd
    odd.program.stop()


@pytest.fixture
def no_proxy_of_this_machine(monkeypatch):
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def approve(login, tls, ca) -> str:
    """As Login.approve, over TLS, and at the provider's address whatever its name."""
    port = urllib.parse.urlsplit(tls.base).port
    page = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=ca), timeout=20)
    url = urllib.parse.urlsplit(login.answer.authorization_url)
    page.request("GET", f"{url.path}?{url.query}")
    login.query = urllib.parse.urlsplit(page.getresponse().headers["Location"]).query
    page.close()
    return login.query


def test_a_private_authority_is_believed_where_the_product_names_it(
    new_wire, tls, certificates, no_proxy_of_this_machine
):
    ca = certificates / "ca.pem"
    issuer = f'issuer: "{tls.base}" client_id: "odd-cli"'
    hand = by_hand(tls.base, USER_IN_ANSWER)
    world = new_wire(
        product("named", f'{issuer} ca_file: "{ca}"')
        + product("beside", f'{issuer} ca_file: "ca.pem"')  # the configuration
        + product("stranger", f'{issuer} ca_file: "{certificates / "stranger.pem"}"')
        + product("system", issuer)
        + product("system-by-hand", hand),
        start=False,
    )
    (world.folder / "ca.pem").write_bytes(ca.read_bytes())
    api = world.start().client()
    for name in ("named", "beside"):
        login = api.start(name)
        approve(login, tls, ca)
        # Discovery, tokens and keys went that way.
        assert login.exchange().identity.user_id == "odd-user-1", name
    for name in ("stranger", "system"):
        error = refused("PROVIDER_UNREACHABLE", lambda name=name: api.start(name))
        assert "certificate" in error.details()
    login = api.start("system-by-hand")
    refused("PROVIDER_UNREACHABLE", login.exchange, approve(login, tls, ca))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("refuse", [False, True])
def test_the_proxy_of_the_environment_is_used(
    variable, refuse, new_wire, tls, certificates, monkeypatch, no_proxy_of_this_machine
):
    ca = certificates / "ca.pem"
    proxy = ConnectProxy(("127.0.0.1", urllib.parse.urlsplit(tls.base).port), refuse)
    monkeypatch.setenv(variable, f"http://worker:proxy-word@127.0.0.1:{proxy.port}")
    hand = by_hand(f"https://{PROXIED}", f'{USER_IN_ANSWER} ca_file: "{ca}"')
    api = new_wire(product("far", hand)).client()
    login = api.start("far")
    code = approve(login, tls, ca)
    if refuse:
        refused("PROVIDER_UNREACHABLE", login.exchange, code, "proxy-word")
    else:
        assert login.exchange().identity.email == "odd@example.com"
    assert set(proxy.asked) == {f"{PROXIED}:443"}
    assert set(proxy.authorizations) == {"Basic " + base64.b64encode(b"worker:proxy-word").decode()}
    proxy.close()
