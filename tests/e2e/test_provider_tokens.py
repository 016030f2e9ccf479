"""Tokens after the sign-in: refreshed once for all who ask, at a provider that punishes reuse; and revoked."""

import threading

import grpc
import pytest

from support import rpc
from support.wire_client import at_once
from support.wire_refusals import refused
from support.wire_world import CONSENT, USER_IN_ANSWER, by_hand, product

MANY = 16


@pytest.fixture(scope="module")
def server(new_shared_wire, services, odd_program):
    real = f'issuer: "{services.issuer}" client_id: "cli" {CONSENT}'
    hand = by_hand(odd_program.base, USER_IN_ANSWER)
    return new_shared_wire(
        product("real", real)
        + product("sibling", real)
        + product("odd", hand)
        + product("unrevocable", hand.replace(f'revocation: "{odd_program.base}/revoke"', ""))
    )


@pytest.fixture
def api(server):
    return server.client()


@pytest.fixture
def calls(services):
    """How often an endpoint of the real provider was asked since the test began."""
    services.provider.post("/reset")
    return lambda endpoint: services.provider.get("/counts").get(endpoint, {"arrived": 0})["arrived"]


@pytest.fixture
def sign_in(api, services, loopback):
    """Tokens of a sign-in at the real provider."""

    def tokens(name: str = "real"):
        login = api.start(name, redirect_uri=loopback.redirect_uri)
        return api.exchange(login.token, loopback.browse(services, login.answer.authorization_url)).tokens

    return tokens


@pytest.fixture
def odd_tokens(api, odd):
    odd.set(user_in_token=True, user_key="id")
    return api.start("odd").exchange().tokens


def pair(tokens) -> tuple[str, str]:
    return tokens.access_token, tokens.refresh_token


def test_many_refreshes_of_one_token_at_once_and_again_are_one_call_and_one_pair(api, sign_in, calls):
    first = sign_in()
    before = calls("token")
    pairs = {pair(answer.tokens) for answer in at_once(MANY, lambda _: api.refresh("real", first.refresh_token))}
    pairs |= {pair(api.refresh("real", first.refresh_token).tokens) for _ in range(4)}
    assert len(pairs) == 1
    assert calls("token") == before + 1
    (second,) = pairs
    assert second[0] != first.access_token and second[1] != first.refresh_token
    # The provider has seen no reuse: the session lives on, and each generation rotates.
    third = pair(api.refresh("real", second[1]).tokens)
    assert third[1] not in (first.refresh_token, second[1])
    assert calls("token") == before + 2


def test_two_sessions_and_two_products_share_nothing(api, sign_in, calls):
    one, other = sign_in(), sign_in()
    before = calls("token")
    work = [("real", one), ("real", other)] * 8
    answers = at_once(MANY, lambda index: api.refresh(work[index][0], work[index][1].refresh_token))
    assert len({pair(answer.tokens) for answer in answers}) == 2
    assert calls("token") == before + 2
    # To the provider it is the same client, to us another product: its call is its own, and this one is reuse.
    refused("REFRESH_TOKEN_REFUSED", lambda: api.refresh("sibling", one.refresh_token))
    assert calls("token") == before + 3


def test_many_refreshes_of_a_dead_token_are_one_refusal(api, sign_in, services, calls):
    tokens = sign_in()
    services.provider.delete("/sessions")
    before = calls("token")
    errors = at_once(MANY, lambda _: api.refresh("real", tokens.refresh_token))
    assert {rpc.error_reason(error) for error in errors} == {"REFRESH_TOKEN_REFUSED"}
    assert calls("token") == before + 1


def test_who_goes_away_takes_nothing_along(api, odd, odd_tokens):
    odd.set(rotate_refresh=True)
    before = odd.arrived("token")
    odd.fault("token", hang=True, times=1)
    request = rpc.tokens.RefreshTokenRequest(product="odd", refresh_token=odd_tokens.refresh_token)
    impatient = api.tokens.RefreshToken.future(request, timeout=30)
    odd.get("/wait", endpoint="token", count=before + 1)
    impatient.cancel()
    answers = []
    later = threading.Thread(target=lambda: answers.append(api.refresh("odd", odd_tokens.refresh_token)))
    later.start()
    odd.post("/release")
    later.join()
    assert odd.arrived("token") == before + 1
    assert answers[0].tokens.refresh_token not in ("", odd_tokens.refresh_token)


def test_a_provider_that_was_not_to_be_had_may_be_asked_again(api, odd, odd_tokens):
    for fault, name in (({"status": 503}, "PROVIDER_ERROR"), ({"status": 429}, "PROVIDER_RATE_LIMITED")):
        odd.fault("token", times=1, **fault)
        refused(name, lambda: api.refresh("odd", odd_tokens.refresh_token), odd_tokens.refresh_token)
    assert api.refresh("odd", odd_tokens.refresh_token).tokens.access_token


def test_a_provider_that_does_not_rotate_leaves_the_old_refresh_token_good(api, odd_tokens):
    again = api.refresh("odd", odd_tokens.refresh_token).tokens
    assert again.refresh_token == odd_tokens.refresh_token
    assert again.access_token != odd_tokens.access_token


def test_revocation_ends_the_session_at_the_provider(api, sign_in, services, calls):
    services.provider.delete("/sessions")
    tokens = sign_in()
    assert len(services.provider.get("/sessions")) == 1
    assert api.revoke("real", tokens).revoked
    assert services.provider.get("/sessions") == []
    refused("REFRESH_TOKEN_REFUSED", lambda: api.refresh("real", tokens.refresh_token))
    # RFC 7009 2.2: a token that is unknown by now is no error.
    assert api.revoke("real", tokens).revoked
    assert calls("revocation") == 4


# Product, what happens at the revocation endpoint, how often it is asked, and what the metrics say.
REVOCATIONS = [
    ("odd", {}, 2, "ok"),
    ("odd", {"status": 503}, 2, "PROVIDER_ERROR"),
    ("odd", {"reset": True}, 2, "PROVIDER_UNREACHABLE"),
    ("odd", {"status": 400}, 2, "other"),
    ("unrevocable", {}, 0, "other"),
]


@pytest.mark.parametrize("name, fault, asked, result", REVOCATIONS)
def test_a_revocation_is_confirmed_only_by_the_provider(name, fault, asked, result, api, server, odd, odd_tokens):
    def counted():
        return server.metrics().sum("authflow_token_calls_total", product=name, call="revoke", result=result)

    before = counted()
    if fault:
        odd.fault("revocation", **fault)
    assert api.revoke(name, odd_tokens).revoked is (result == "ok")
    assert odd.arrived("revocation") == asked
    assert counted() == before + 1


def test_one_of_the_two_tokens_is_enough(api, odd, odd_tokens):
    for name in ("refresh_token", "access_token"):
        odd.post("/reset")
        assert api.revoke("odd", rpc.tokens.Tokens(**{name: getattr(odd_tokens, name)})).revoked
        assert odd.arrived("revocation") == 1
    with pytest.raises(grpc.RpcError) as caught:
        api.revoke("odd", rpc.tokens.Tokens())
    assert rpc.error_reason(caught.value) == "INVALID_REQUEST"
