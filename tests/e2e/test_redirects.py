"""Where the browser may come back to: what the server accepts, and which port the CLI takes."""

import socket

import pytest

from support import rpc
from support.wire_client import location, parameters
from support.wire_refusals import refused
from support.wire_world import USER_IN_ANSWER, by_hand, product

RULES = {
    "any": "",
    "path": 'path: "/done/here"',
    "ports": 'ports: 8400 ports: 8401 host: "localhost"',
    "exact": 'uris: "https://tool.example.com/done" uris: "tool://signed-in"',
}

# Product, redirect_uri, and what the provider is told; None: refused.
SAME = object()
URIS = [
    ("any", "http://127.0.0.1:1/callback", SAME),
    ("any", "http://127.0.0.1:65535/callback", SAME),
    ("any", "http://[::1]:4000/callback", SAME),
    ("any", "", "http://127.0.0.1/callback"),
    ("any", "http://127.0.0.1/callback", None),
    ("any", "http://127.0.0.1:0/callback", None),
    ("any", "http://127.0.0.1:65536/callback", None),
    ("any", "http://127.0.0.1:04000/callback", None),
    ("any", "http://127.0.0.1:4000/callback/", None),
    ("any", "http://127.0.0.1:4000/callback?next=x", None),
    ("any", "http://127.0.0.1:4000/callback#x", None),
    ("any", "http://127.0.0.1:4000/other", None),
    ("any", "http://localhost:4000/callback", None),
    ("any", "https://127.0.0.1:4000/callback", None),
    ("any", "http://127.0.0.1.example.com:4000/callback", None),
    ("any", "http://127.0.0.1:4000@example.com/callback", None),
    ("any", "http://who@127.0.0.1:4000/callback", None),
    ("path", "http://127.0.0.1:4000/done/here", SAME),
    ("path", "http://127.0.0.1:4000/callback", None),
    ("ports", "http://localhost:8400/callback", SAME),
    ("ports", "http://localhost:8401/callback", SAME),
    ("ports", "", "http://localhost:8400/callback"),
    ("ports", "http://localhost:8402/callback", None),
    ("ports", "http://127.0.0.1:8400/callback", None),
    ("exact", "https://tool.example.com/done", SAME),
    ("exact", "tool://signed-in", SAME),
    ("exact", "http://127.0.0.1:4000/callback", SAME),
    ("exact", "https://tool.example.com/done/", None),
    ("exact", "https://TOOL.example.com/done", None),
    ("exact", "https://tool.example.com/done?x=1", None),
    ("exact", "tool://signed-in/", None),
]
# What a refusal offers instead.
OFFERED = {
    "any": "http://127.0.0.1:0/callback",
    "path": "http://127.0.0.1:0/done/here",
    "ports": "http://localhost:8400/callback http://localhost:8401/callback",
    "exact": "http://127.0.0.1:0/callback https://tool.example.com/done tool://signed-in",
}


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program):
    hand = by_hand(odd_program.base, USER_IN_ANSWER)
    return new_shared_wire("".join(product(name, hand, redirect=rules) for name, rules in RULES.items()))


@pytest.fixture
def api(server):
    return server.client()


@pytest.mark.parametrize("name, uri, told", URIS)
def test_a_redirect_uri_is_one_of_the_products_or_is_refused(name, uri, told, api):
    if told is None:
        error = refused("REDIRECT_URI_NOT_ALLOWED", lambda: api.start(name, redirect_uri=uri))
        assert rpc.error_info(error).metadata["redirect_uris"] == OFFERED[name]
    else:
        asked = parameters(api.start(name, redirect_uri=uri).answer.authorization_url)
        assert asked["redirect_uri"] == (uri if told is SAME else told)


# The CLI and a list of ports.


class Ports:
    """Free ports of this machine, some of them held as by another program."""

    def __init__(self, number: int):
        self._held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
        self.numbers = [one.getsockname()[1] for one in self._held]

    def free(self, index: int):
        self._held[index].close()

    def close(self):
        for one in self._held:
            one.close()


@pytest.fixture
def ports():
    ports = Ports(3)
    yield ports
    ports.close()


@pytest.fixture
def laptop(new_wire, odd, ports):
    odd.set(user_in_token=True, user_key="id")
    listed = " ".join(f"ports: {number}" for number in ports.numbers)
    return new_wire(product("tool", by_hand(odd.base, USER_IN_ANSWER), redirect=listed)).machine(product="tool")


def redirect_port(url: str) -> int:
    uri = parameters(url)["redirect_uri"]
    assert uri.startswith("http://127.0.0.1:") and uri.endswith("/callback")
    return int(uri.split(":")[2].split("/")[0])


@pytest.mark.parametrize("free, taken", [((0, 1, 2), 0), ((1, 2), 1), ((2,), 2)])
def test_the_cli_takes_the_first_free_port_of_the_list(free, taken, laptop, ports, odd, services):
    for index in free:
        ports.free(index)
    # As Okta does: any other port gets an error page.
    odd.set(only_port=ports.numbers[taken])
    run = laptop.start("login", "--json")
    url = run.url()
    assert redirect_port(url) == ports.numbers[taken]
    assert run.browse(services.http, url=url)["ok"]
    ended = run.ended()
    assert (ended.code, ended.document["email"]) == (0, "odd@example.com"), ended.err


def test_with_every_port_taken_the_address_is_pasted(laptop, ports, odd):
    run = laptop.start("login", terminal=True)
    url = run.printed_url()
    assert redirect_port(url) == ports.numbers[0]
    run.terminal.wait_text("Paste the address")
    run.terminal.type("what?\r")
    run.terminal.type(location(url) + "\r")
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert laptop.profile()["email"] == "odd@example.com"


def test_with_every_port_taken_and_no_terminal_the_cli_says_so(laptop, odd):
    ended = laptop.run("login", "--json")
    assert ended.code == 1
    assert ended.document["error_class"] == "CLIENT_PORTS_BUSY"
    assert "taken by another program" in ended.err
    assert odd.arrived("authorization") == 0
    metrics = laptop.world.metrics()
    assert metrics.sum("authflow_flows_finished_total", outcome="failed", error_class="CLIENT_PORTS_BUSY") == 1
