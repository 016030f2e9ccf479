"""What the server makes of a provider's answers: id_tokens, identities, errors, and fields that are missing."""

import pytest

from support.wire_client import FLOW, at_once
from support.wire_fixtures import start_odd
from support.wire_refusals import refused
from support.wire_world import USER_IN_ANSWER, by_hand, product

USERINFO = 'scopes: "read:user" identity { source: IDENTITY_SOURCE_USERINFO user_id: "id" }'


def openid(base: str, more: str = "") -> str:
    """The odd provider as an issuer whose endpoints are given by hand."""
    paths = {name: name for name in ("token", "jwks", "userinfo")} | {"authorization": "authorize", "revocation": "revoke"}
    ends = " ".join(f'{name}: "{base}/{path}"' for name, path in paths.items())
    return f'issuer: "{base}" endpoints {{ {ends} }} client_id: "odd-cli" {more}'


@pytest.fixture(scope="module")
def es256(tmp_path_factory):
    odd = start_odd(tmp_path_factory.mktemp("es256"), "--alg", "ES256")
    yield odd
    odd.program.stop()


@pytest.fixture(scope="module")
def rotating(tmp_path_factory):
    odd = start_odd(tmp_path_factory.mktemp("rotating"))
    yield odd
    odd.program.stop()


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program, es256, rotating):
    base = odd_program.base
    return new_shared_wire(
        product("id_token", openid(base))
        # Each product has its own copy of the keys.
        + product("rotation", openid(rotating.base))
        + product("flood", openid(rotating.base))
        + product("es256", openid(es256.base))
        + product("both", openid(base, "identity { source: IDENTITY_SOURCE_USERINFO }"))
        + product("userinfo", by_hand(base, USERINFO))
        + product("user", by_hand(base, USER_IN_ANSWER))
        + product("mail", by_hand(base, 'identity { source: IDENTITY_SOURCE_USERINFO user_id: "login" email: "name" }'))
    )


@pytest.fixture
def api(server):
    return server.client()


WRONG = """
wrong_aud multi_aud wrong_azp wrong_iss slash_iss wrong_nonce no_nonce expired future no_exp no_sub
alg_none hs256_public_key unknown_kid bad_signature garbage two_parts
""".split()


@pytest.mark.parametrize("variant", WRONG)
def test_a_wrong_id_token_is_refused_its_tokens_revoked_and_the_flow_goes_on(variant, api, odd):
    odd.set(id_token=variant)
    login = api.start("id_token")
    refused("ID_TOKEN_INVALID", login.exchange, login.approve())
    assert odd.arrived("token") == 1
    # What nobody was given is given back: access and refresh token.
    assert odd.arrived("revocation") == 2
    # The same redirect again gets the same answer, and posts nothing.
    refused("ID_TOKEN_INVALID", login.exchange)
    assert odd.arrived("token") == 1
    assert not api.get(login.token).HasField("outcome")
    odd.set(id_token="ok")
    login.next_attempt()
    assert login.exchange().identity.user_id == "odd-user-1"
    assert odd.arrived("revocation") == 2


def test_a_revocation_that_fails_changes_nothing_for_the_person(api, odd):
    odd.set(id_token="bad_signature")
    odd.fault("revocation", status=503)
    refused("ID_TOKEN_INVALID", api.start("id_token").exchange)


@pytest.mark.parametrize("name", ["id_token", "es256"])
@pytest.mark.parametrize("variant", ["ok", "multi_aud_azp", "no_kid"])
def test_good_id_tokens_of_either_algorithm(name, variant, api, odd, es256):
    provider = odd if name == "id_token" else es256
    provider.post("/reset")
    provider.set(id_token=variant)
    given = api.start(name).exchange()
    assert given.tokens.id_token.count(".") == 2
    assert (given.identity.user_id, given.identity.email, given.identity.name) == (
        "odd-user-1",
        "odd@example.com",
        "Odd Example",
    )


def test_a_rotated_key_is_fetched_once_for_all_who_meet_it(api, rotating):
    rotating.post("/reset")
    api.start("rotation").exchange()
    api.start("rotation").exchange()
    assert rotating.arrived("jwks") == 1, "keys are kept"
    rotating.post("/rotate_key", {"drop": True})
    answers = at_once(16, lambda _: api.start("rotation").exchange())
    assert [answer.identity.user_id for answer in answers] == ["odd-user-1"] * 16
    assert rotating.arrived("jwks") == 2


def test_unknown_keys_do_not_make_us_ask_at_each_login(api, rotating):
    rotating.post("/reset")
    rotating.set(id_token="unknown_kid")
    for _ in range(8):
        refused("ID_TOKEN_INVALID", api.start("flood").exchange)
    # The first fetch, one more for the first unknown key; more only if all this took longer than ten seconds.
    assert 2 <= rotating.arrived("jwks") < 8


# Product, settings of the odd provider, and the identity (user id, email, name); or the refusal.
PERSON = ("odd@example.com", "Odd Example")
IDENTITIES = [
    ("id_token", {}, ("odd-user-1", *PERSON)),
    ("id_token", {"user_id": "big"}, ("9007199254740993", *PERSON)),
    ("id_token", {"omit": "id_token"}, "IDENTITY_MISSING"),
    ("both", {}, ("odd-user-1", *PERSON)),
    ("both", {"id_token": "other_sub"}, "ID_TOKEN_INVALID"),
    ("both", {"id_token": "wrong_aud"}, "ID_TOKEN_INVALID"),
    ("both", {"omit": "id_token"}, ("odd-user-1", *PERSON)),
    ("userinfo", {"user_key": "id"}, ("odd-user-1", *PERSON)),
    ("userinfo", {"user_key": "id", "user_id": "number"}, ("1234567", *PERSON)),
    ("userinfo", {"user_key": "id", "user_id": "big"}, ("9007199254740993", *PERSON)),
    ("userinfo", {"user_key": "id", "user_id": "negative"}, ("-7", *PERSON)),
    ("userinfo", {"user_key": "id", "user_id": "float"}, "IDENTITY_MISSING"),
    ("userinfo", {"user_key": "id", "user_id": "null"}, "IDENTITY_MISSING"),
    ("userinfo", {"user_key": "id", "user_id": "missing"}, "IDENTITY_MISSING"),
    ("userinfo", {"user_key": "sub"}, "IDENTITY_MISSING"),
    ("mail", {}, ("odd", "Odd Example", "Odd Example")),
    ("user", {"user_in_token": True, "user_key": "id", "user_id": "big"}, ("9007199254740993", *PERSON)),
    ("user", {"user_in_token": True, "user_id": "missing"}, "IDENTITY_MISSING"),
    ("user", {}, "IDENTITY_MISSING"),
]


@pytest.mark.parametrize("name, settings, expected", IDENTITIES)
def test_the_identity_is_found_where_the_product_says(name, settings, expected, api, odd):
    odd.set(**settings)
    login = api.start(name)
    if isinstance(expected, str):
        refused(expected, login.exchange)
        assert odd.arrived("revocation") == 2
    else:
        who = login.exchange().identity
        assert (who.user_id, who.email, who.name) == expected


# Settings, and what they do to the tokens: a good answer has all four.
ALL = {"access_token", "refresh_token", "expire_time", "scopes"}
GOOD = [
    ({}, ALL),
    ({"answer": "form", "user_key": "id"}, ALL),
    ({"token_type": "bearer"}, ALL),
    ({"expires_in": "3600"}, ALL),
    ({"expires_in": "soon"}, ALL - {"expire_time"}),
    ({"omit": "expires_in,token_type"}, ALL - {"expire_time"}),
    ({"omit": "refresh_token"}, ALL - {"refresh_token"}),
    ({"omit": "scope"}, ALL),  # those asked for
]


@pytest.mark.parametrize("settings, has", GOOD)
def test_token_answers_are_read_with_tolerance(settings, has, api, odd):
    odd.set(**{"user_key": "id"} | settings)
    tokens = api.start("userinfo").exchange().tokens
    given = {field.name for field, _ in tokens.ListFields()}
    assert given == has


ERRORS = [
    ({"answer": "error_200"}, "CODE_REFUSED"),
    ({"answer": "error_200", "error": "invalid_grant"}, "CODE_REFUSED"),
    ({"answer": "error_200", "error": "incorrect_client_credentials"}, "PROVIDER_CLIENT_REFUSED"),
    ({"answer": "error_200", "error": "device_flow_disabled"}, "PROVIDER_REFUSED"),
    ({"answer": "error_403"}, "CODE_REFUSED"),
    ({"answer": "error_400_empty"}, "CODE_REFUSED"),
    ({"answer": "html"}, "PROVIDER_INVALID_RESPONSE"),
    ({"answer": "error_500"}, "PROVIDER_ERROR"),
    ({"answer": "error_503"}, "PROVIDER_ERROR"),
    ({"answer": "error_429"}, "PROVIDER_RATE_LIMITED"),
    ({"token_type": "mac"}, "PROVIDER_INVALID_RESPONSE"),
    ({"omit": "access_token"}, "PROVIDER_INVALID_RESPONSE"),
]


@pytest.mark.parametrize("settings, name", ERRORS)
def test_a_token_endpoints_no_has_its_class_and_the_next_attempt_works(settings, name, api, odd):
    odd.set(user_key="id", **settings)
    login = api.start("userinfo")
    refused(name, login.exchange, login.approve())
    odd.post("/reset")
    odd.set(user_key="id")
    opened = api.step(login.token, FLOW.STEP_BROWSER_WAIT)
    assert opened.flow.attempt == 2
    login.approve(opened.authorization_url)
    assert login.exchange().identity.email == "odd@example.com"
