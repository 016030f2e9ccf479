"""An identity provider that is away, slow, busy, broken or talkative: at each endpoint, the class that says so."""

import json

import pytest
from support import rpc
from support.wire_client import failed
from support.wire_refusals import number, refused
from support.wire_store import flow_log
from support.wire_world import NO_APPLICATIONS, USER_IN_ANSWER, by_hand, product

HTML = "<!doctype html><title>Sign in</title>"
# A fault of the provider, and the class of the refusal.
FAULTS = {
    "reset": ({"reset": True}, "PROVIDER_UNREACHABLE"),
    "cut": ({"close_mid_body": True}, "PROVIDER_UNREACHABLE"),
    "slow": ({"hang": True}, "PROVIDER_TIMEOUT"),
    "429": ({"status": 429, "headers": {"retry-after": 1}}, "PROVIDER_RATE_LIMITED"),
    "500": ({"status": 500, "body": HTML}, "PROVIDER_ERROR"),
    "503": ({"status": 503, "body": {"error": "down"}}, "PROVIDER_ERROR"),
    "garbage": ({"garbage": 300}, "PROVIDER_INVALID_RESPONSE"),
    "html": ({"status": 200, "body": HTML}, "PROVIDER_INVALID_RESPONSE"),
    "huge": ({"status": 200, "body": '{"a":"' + "x" * (3 << 20) + '"}'}, "PROVIDER_INVALID_RESPONSE"),
    "moved": ({"status": 302, "headers": {"location": "http://127.0.0.1:1/"}}, "PROVIDER_INVALID_RESPONSE"),
}
IMPATIENT = " timeout { seconds: 1 }"
USERINFO = 'identity { user_id: "id" }'
TRUSTED = {"authorization": "authorize", "token": "token", "jwks": "jwks"}
ENDPOINTS = ("token", "userinfo", "jwks", "discovery")


def provider_of(base: str, endpoint: str, fault: str) -> str:
    """A provider of its own for each row: the documents that it has sent are kept."""
    more = IMPATIENT if fault == "slow" else ""
    if endpoint == "discovery":
        return f'issuer: "{base}/{fault}" client_id: "odd-cli" {more}'
    if endpoint == "jwks":
        ends = " ".join(f'{name}: "{base}/{path}"' for name, path in TRUSTED.items())
        return f'issuer: "{base}" client_id: "odd-cli" endpoints {{ {ends} }} {more}'
    return by_hand(base, (USER_IN_ANSWER if endpoint == "token" else USERINFO) + more)


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program):
    base = odd_program.base

    def config(world) -> str:
        text = product("shop", by_hand(base, USER_IN_ANSWER), NO_APPLICATIONS, sink=world.segment_sink())
        return text + "".join(
            product(f"{endpoint}-{fault}", provider_of(base, endpoint, fault))
            for endpoint in ENDPOINTS
            for fault in FAULTS
        )

    return new_shared_wire(config)


@pytest.fixture
def api(server):
    return server.client()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("endpoint", ENDPOINTS[:3])
def test_a_sign_in_meets_trouble_at_an_endpoint(server, api, odd, endpoint, fault):
    how, name = FAULTS[fault]
    odd.set(user_in_token=True, user_key="id")
    login = api.start(f"{endpoint}-{fault}")
    login.approve()
    odd.fault(endpoint, **how)
    refused(name, login.exchange, login.query, login.token)
    # The same redirect again: the same answer, and the code is not posted again.
    posted = odd.arrived("token")
    refused(name, login.exchange, login.query, login.token)
    assert odd.arrived("token") == posted
    assert flow_log(server, login.flow_id) == "started exchange_begun call_failed"
    odd.delete("/faults")
    login.next_attempt()
    assert login.exchange().identity.user_id == "odd-user-1"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_start_meets_trouble_at_the_discovery(server, api, odd, fault):
    how, name = FAULTS[fault]
    odd.set(discovery="on", issuer_path=f"/{fault}")
    odd.fault("discovery", **how)
    error = refused(name, lambda: api.start(f"discovery-{fault}"))
    assert flow_log(server, rpc.error_info(error).metadata["flow_id"]) == "started ended"
    odd.delete("/faults")
    login = api.start(f"discovery-{fault}")
    assert login.exchange().identity.user_id == "odd-user-1"


def test_the_end_names_the_refusal_that_the_server_gave(server, api, odd):
    odd.fault("token", status=503)
    login = api.start("shop")
    login.approve()
    refused("PROVIDER_ERROR", login.exchange, login.query)
    assert login.finish(failed()).outcome.failed.error_class == number("PROVIDER_ERROR")
    [message] = server.wait_event("CLI Auth Failed", flow_id=login.flow_id)
    assert message["properties"]["error_class"] == "PROVIDER_ERROR"
    assert message["properties"]["step"] == "code_exchange"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refresh_is_tried_anew_unless_the_token_may_be_used_up(api, odd, fault):
    how, name = FAULTS[fault]
    odd.set(user_in_token=True, user_key="id")
    tokens = api.start(f"token-{fault}").exchange().tokens
    odd.fault("token", **how)

    def refresh():
        return api.refresh(f"token-{fault}", tokens.refresh_token)

    refused(name, refresh, tokens.refresh_token)
    odd.delete("/faults")
    if name == "PROVIDER_INVALID_RESPONSE":
        refused(name, refresh, tokens.refresh_token)
        assert odd.arrived("token") == 2
    else:
        assert refresh().tokens.access_token


@pytest.mark.parametrize("fault", ["reset", "slow", "429", "500", "moved"])
def test_a_logout_is_no_error_when_the_provider_does_not_confirm(api, odd, fault):
    odd.set(user_in_token=True, user_key="id")
    tokens = api.start(f"token-{fault}").exchange().tokens
    odd.fault("revocation", **FAULTS[fault][0])
    assert not api.revoke(f"token-{fault}", tokens).revoked


# The provider's own words.

WORDS = "Zugang \x1b[31mverweigert\x1b[0m\x07 <b onload=x>wirklich</b> f\u00fcr alice@example.com \u202eabc\r\nmehr"
SHOWN = (
    r"unheard_of: Zugang \x1b[31mverweigert\x1b[0m\x07 <b onload=x>wirklich</b> f\xc3\xbcr [e-mail] "
    r"\xe2\x80\xaeabc\r\nmehr"
)
# No trace of them may be kept, in whatever way they are written.
TRACES = (b"unheard_of", b"Zugang", b"wirklich", b"alice")


def speaks(odd):
    odd.fault("token", status=400, body={"error": "unheard_of", "error_description": WORDS})


def test_the_providers_words_are_shown_escaped_and_never_stored(server, api, odd):
    speaks(odd)
    login = api.start("shop")
    login.approve()
    error = refused("PROVIDER_REFUSED", login.exchange, "alice@example.com", login.query)
    assert error.details().endswith(SHOWN)
    login.finish(failed())
    server.wait_event("CLI Auth Failed", flow_id=login.flow_id)
    for path in sorted(server.data.rglob("*")):
        content = path.read_bytes()
        assert [trace for trace in TRACES if trace in content] == [], path
    assert [trace for trace in TRACES if trace.decode() in json.dumps(server.received())] == []
    assert [trace for trace in TRACES if trace.decode() in server.metrics().text] == []
    logs = b"".join(path.read_bytes() for path in server.logs.glob("authflowd-*"))
    assert b"alice" not in logs and b"\x1b" not in logs and WORDS.encode() not in logs


def test_words_in_the_redirect_are_escaped_as_well(api):
    login = api.start("shop")
    query = f"error=unheard_of&error_description=a%1B%5B31mb%0D%0Ac&state={login.answer.state}"
    error = refused("PROVIDER_REFUSED", lambda: api.exchange(login.token, query), login.answer.state)
    assert error.details().endswith(r"unheard_of: a\x1b[31mb\r\nc")


def test_long_words_are_cut(api, odd):
    odd.fault("token", status=400, body={"error": "unheard_of", "error_description": "x" * 100_000})
    login = api.start("shop")
    error = refused("PROVIDER_REFUSED", login.exchange)
    assert error.details().endswith("xxx...")


def test_a_provider_that_quotes_the_code_gives_nothing_away(api, odd):
    login = api.start("shop")
    query = login.approve()
    code = query.split("code=")[1].split("&")[0]
    odd.fault("token", status=400, body={"error": "unheard_of", "error_description": f"no such code: {code}"})
    error = refused("PROVIDER_REFUSED", login.exchange, code, query)
    assert error.details().endswith("no such code: [...]")


def test_the_person_sees_harmless_words_in_the_terminal_and_in_the_browser(server, odd):
    laptop = server.machine(product="shop")
    run = laptop.start("login")
    speaks(odd)
    page = run.browse()
    ended = run.ended()
    assert ended.code == 1
    assert SHOWN in ended.err
    assert "\x1b" not in ended.err and "alice" not in ended.err
    assert page["h1"] == "The sign-in failed"
    assert "<b onload" not in page["text"] and "alice" not in page["text"]
