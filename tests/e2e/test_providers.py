"""What the server says to a provider, and which redirects it believes."""

import base64
import hashlib
import urllib.parse

import pytest

from support.recorder import TokenRelay
from support.wire_client import FLOW, at_once, parameters
from support.wire_refusals import refused
from support.wire_world import CONSENT, USER_IN_ANSWER, by_hand, product

# Clients of provider.mjs: id, secret, how the secret is sent.
CLIENTS = {
    "public": ("cli", "", ""),
    "basic": ("svc", "svc-secret-0123456789abcdef", "CLIENT_SECRET_BASIC"),
    "post": ("post", "post-secret-0123456789abcdef", "CLIENT_SECRET_POST"),
}

PARAMETERS = """
  parameters { place: PARAMETER_PLACE_AUTHORIZATION name: "audience" value: "https://api.example.com" }
  parameters { place: PARAMETER_PLACE_AUTHORIZATION name: "access_type" value: "offline" kind: FLOW_KIND_LOGIN }
  parameters { place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "create consent" kind: FLOW_KIND_SIGNUP }
  parameters { place: PARAMETER_PLACE_AUTHORIZATION name: "screen" value: "signup" kind: FLOW_KIND_SIGNUP }
  parameters { place: PARAMETER_PLACE_TOKEN name: "resource" value: "urn:a&b" }
  parameters { place: PARAMETER_PLACE_TOKEN name: "plan" value: "new" kind: FLOW_KIND_SIGNUP }
"""


@pytest.fixture(scope="module")
def relays(services, odd_program):
    """Before the token endpoint, the revocation endpoint, and the odd provider's token endpoint."""
    made = {
        "token": TokenRelay(services.issuer + "/token"),
        "revocation": TokenRelay(services.issuer + "/token/revocation"),
        "odd": TokenRelay(odd_program.base + "/token"),
    }
    yield made
    for relay in made.values():
        relay.close()


@pytest.fixture(scope="module")
def server(new_shared_wire, services, odd_program, relays):
    base = odd_program.base
    tenant = f'issuer: "{base}/tenant/v2.0" client_id: "odd-cli"'

    def config(world) -> str:
        text = ""
        for name, (client, secret, method) in CLIENTS.items():
            way = ""
            if secret:
                way = f"client_authentication: CLIENT_AUTHENTICATION_{method} "
                way += f'client_secret {{ file: "{world.secret_file(name, secret)}" }}'
            # By hand, and everything else from discovery.
            ends = f'endpoints {{ token: "{relays["token"].url}" revocation: "{relays["revocation"].url}" }}'
            text += product(name, f'issuer: "{services.issuer}" client_id: "{client}" {ends} {way} {CONSENT}')
        hand = by_hand(base, f'{USER_IN_ANSWER} scopes: "read" scopes: "write:all" {PARAMETERS}')
        text += product("parameters", hand.replace(f"{base}/token", relays["odd"].url))
        text += product("discovered", tenant)
        text += product("undiscovered", tenant)
        text += product("crowd", tenant)
        return text

    world = new_shared_wire(config)
    # The first login finds a provider that promises iss in each redirect (RFC 9207), and that is remembered.
    odd_program.set(discovery="on", issuer_path="/tenant/v2.0", iss_in_redirect=True)
    world.client().start("discovered")
    return world


@pytest.fixture
def api(server):
    return server.client()


def form(text: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True))


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@pytest.mark.parametrize("name", CLIENTS)
def test_what_arrives_at_the_real_provider(name, api, services, relays, loopback):
    client, secret, method = CLIENTS[name]
    for relay in relays.values():
        relay.forms.clear()
        relay.authorizations.clear()
    login = api.start(name, redirect_uri=loopback.redirect_uri)
    asked = parameters(login.answer.authorization_url)
    query = loopback.browse(services, login.answer.authorization_url)
    given = api.exchange(login.token, query)
    assert given.identity.email == "alice@example.com"
    second = api.refresh(name, given.tokens.refresh_token).tokens
    assert api.revoke(name, second).revoked

    us = {"client_id": client, "client_secret": secret} if method.endswith("POST") else {"client_id": client}
    header = []
    if method.endswith("BASIC"):
        us, header = {}, ["Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()]
    redeemed, refreshed = map(form, relays["token"].forms)
    verifier = redeemed.pop("code_verifier")
    assert redeemed == us | {
        "grant_type": "authorization_code",
        "code": form(query)["code"],
        "redirect_uri": loopback.redirect_uri,
    }
    assert (challenge(verifier), "S256") == (asked["code_challenge"], asked["code_challenge_method"])
    assert refreshed == us | {"grant_type": "refresh_token", "refresh_token": given.tokens.refresh_token}
    assert relays["token"].authorizations == header * 2
    # RFC 7009, the token that could make others first.
    assert [form(text) for text in relays["revocation"].forms] == [
        us | {"token": second.refresh_token, "token_type_hint": "refresh_token"},
        us | {"token": second.access_token, "token_type_hint": "access_token"},
    ]
    assert relays["revocation"].authorizations == header * 2


def test_the_provider_is_asked_for_what_openid_needs(api, services):
    url = api.start("public").answer.authorization_url
    asked = parameters(url)
    random = {name: asked.pop(name) for name in ("state", "nonce", "code_challenge")}
    assert all(len(value) >= 32 for value in random.values())
    assert url.startswith(services.issuer + "/auth?"), "the endpoint is the discovered one"
    assert asked == {
        "response_type": "code",
        "client_id": "cli",
        "redirect_uri": "http://127.0.0.1:34567/callback",
        "scope": "openid email profile offline_access",
        "code_challenge_method": "S256",
        "prompt": "consent",
    }


EACH = {"audience": "https://api.example.com"}
KINDS = [
    (FLOW.FLOW_KIND_LOGIN, EACH | {"access_type": "offline"}, {"resource": "urn:a&b"}),
    (
        FLOW.FLOW_KIND_SIGNUP,
        EACH | {"prompt": "create consent", "screen": "signup"},
        {"resource": "urn:a&b", "plan": "new"},
    ),
    (FLOW.FLOW_KIND_REAUTHENTICATION, EACH, {"resource": "urn:a&b"}),
]


@pytest.mark.parametrize("kind, url_has, form_has", KINDS)
def test_extra_parameters_go_with_their_kind(kind, url_has, form_has, api, odd, relays):
    odd.set(user_in_token=True, user_key="id")
    relays["odd"].forms.clear()
    login = api.start("parameters", kind=kind, login_hint="alice+cli@example.com")
    asked = parameters(login.answer.authorization_url)
    assert {"state", "code_challenge"} <= asked.keys()
    assert {name: asked[name] for name in asked.keys() - {"state", "code_challenge"}} == url_has | {
        "response_type": "code",
        "client_id": "odd-cli",
        "redirect_uri": "http://127.0.0.1:34567/callback",
        "scope": "read write:all",
        "code_challenge_method": "S256",
        "login_hint": "alice+cli@example.com",
    }, "and no nonce: nobody asked for an id_token"
    tokens = login.exchange().tokens
    api.refresh("parameters", tokens.refresh_token)
    redeemed, refreshed = map(form, relays["odd"].forms)
    usual = {"grant_type", "client_id", "code", "redirect_uri", "code_verifier", "refresh_token"}
    assert {name: redeemed[name] for name in redeemed.keys() - usual} == form_has
    # A refresh is of no kind.
    assert {name: refreshed[name] for name in refreshed.keys() - usual} == {"resource": "urn:a&b"}


def test_nothing_random_is_used_twice(api, odd):
    odd.set(answer="error_403", issuer_path="/tenant/v2.0", iss_in_redirect=True)
    first, other = api.start("discovered"), api.start("discovered")
    refused("CODE_REFUSED", first.exchange)
    second = api.step(first.token, FLOW.STEP_BROWSER_WAIT).authorization_url
    urls = [parameters(url) for url in (first.answer.authorization_url, other.answer.authorization_url, second)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({url[name] for url in urls}) == 3, name


# Settings of the odd provider, and what is said to the redirect that it makes. The issuer promises iss.
REDIRECTS = [
    ({"redirect": "wrong_state", "iss_in_redirect": True}, "STATE_MISMATCH"),
    ({"redirect": "no_state", "iss_in_redirect": True}, "STATE_MISMATCH"),
    ({"redirect": "wrong_iss"}, "ISSUER_MISMATCH"),
    ({"iss_in_redirect": False}, "ISSUER_MISMATCH"),
    ({"redirect": "no_code", "iss_in_redirect": True}, "REDIRECT_MALFORMED"),
]


@pytest.mark.parametrize("settings, name", REDIRECTS)
def test_a_wrong_redirect_redeems_nothing_and_the_right_one_still_works(settings, name, api, odd):
    odd.set(issuer_path="/tenant/v2.0", **settings)
    login = api.start("discovered")
    login.approve()
    refused(name, login.exchange, login.query)
    assert odd.arrived("token") == 0
    assert not api.get(login.token).HasField("outcome")
    odd.set(redirect="ok", iss_in_redirect=True)
    login.approve()
    assert login.exchange().identity.email == "odd@example.com"


def test_the_real_provider_keeps_its_promise_of_iss(api, services, loopback):
    login = api.start("public", redirect_uri=loopback.redirect_uri)
    query = loopback.browse(services, login.answer.authorization_url)
    assert form(query)["iss"] == services.issuer
    without = "&".join(part for part in query.split("&") if not part.startswith("iss="))
    refused("ISSUER_MISMATCH", lambda: api.exchange(login.token, without))
    assert api.exchange(login.token, query).identity.email == "alice@example.com"


@pytest.mark.parametrize("discovery", ["off", "wrong_issuer"])
def test_an_issuer_that_does_not_describe_itself_is_not_used(discovery, api, odd):
    odd.set(discovery=discovery, issuer_path="/tenant/v2.0")
    refused("PROVIDER_INVALID_RESPONSE", lambda: api.start("undiscovered"))


def test_many_first_logins_at_once_ask_for_discovery_and_keys_once(api, odd):
    odd.set(discovery="on", issuer_path="/tenant/v2.0")
    answers = at_once(16, lambda _: api.start("crowd").exchange())
    assert [answer.identity.email for answer in answers] == ["odd@example.com"] * 16
    assert (odd.arrived("discovery"), odd.arrived("jwks"), odd.arrived("token")) == (1, 1, 16)
