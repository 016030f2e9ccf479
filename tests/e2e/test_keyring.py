"""Where the login is kept: the keyring of a desktop, or a file where there is none, after 3 seconds of doubt at most."""

import stat
import time

import pytest
from support.keyring import SessionBus
from support.wire_world import USER_IN_ANSWER, by_hand, product


@pytest.fixture
def bus(tmp_path):
    bus = SessionBus(tmp_path / "bus")
    yield bus
    bus.close()


@pytest.fixture
def keyring(bus):
    bus.unlock()
    return bus


@pytest.fixture
def laptop(world, bus):
    machine = world.machine()
    machine.env |= bus.env
    return machine


def test_the_tokens_are_in_the_keyring_and_not_in_the_file(keyring, laptop):
    ended = laptop.sign_in("login", "--app-name", "Shop", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["stored_in"] == "keyring"
    assert "The login is in the keyring." in ended.err
    assert set(laptop.tokens()) == {"server", "product", "user_id", "email", "name", "keyring"}
    assert len(keyring.items()) == 1
    token = laptop.run("token")
    assert token.code == 0, token.err
    assert token.out not in laptop.tokens_path().read_text()
    assert laptop.run("status", "--json").document["stored_in"] == "keyring"
    assert laptop.run("apps", "list", "--json").document["applications"][0]["name"] == "Shop"


def test_a_second_login_replaces_the_item_and_logout_takes_it_away(keyring, laptop, services):
    for _ in range(2):
        assert laptop.sign_in("login", "--app-name", "Shop").code == 0
        assert len(keyring.items()) == 1
    ended = laptop.run("logout", "--json")
    assert ended.document == {"status": "ok", "signed_out": True, "revoked": True}
    assert keyring.items() == []
    assert not laptop.tokens_path().exists()


def test_profiles_and_installations_have_items_of_their_own(world, keyring, laptop):
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    assert laptop.sign_in("login", "--app-name", "Shop", "--profile-name", "work").code == 0
    other = world.machine("other")
    other.env |= keyring.env
    assert other.sign_in("login", "--app-name", "Shop").code == 0
    assert len(keyring.items()) == 3
    assert laptop.run("logout").code == 0
    assert len(keyring.items()) == 2
    assert laptop.run("status", "--profile-name", "work").code == 0
    assert other.run("status").code == 0


def test_a_renewed_session_is_in_the_keyring_and_is_renewed_once(new_wire, keyring, odd):
    odd.set(user_in_token=True, user_key="id", rotate_refresh=True, expires_in=1)
    laptop = new_wire(product("shop", by_hand(odd.base, USER_IN_ANSWER))).machine("laptop", "shop")
    laptop.env |= keyring.env
    assert laptop.sign_in("login").code == 0
    first = laptop.tokens()["keyring"]
    before = odd.arrived("token")
    odd.set(expires_in=3600)
    tokens = [run.ended() for run in [laptop.start("token") for _ in range(6)]]
    assert [ended.code for ended in tokens] == [0] * 6, tokens
    assert len({ended.out for ended in tokens}) == 1
    assert odd.arrived("token") == before + 1
    assert laptop.tokens()["keyring"] != first
    assert len(keyring.items()) == 1


def test_a_keyring_that_does_not_answer_costs_3_seconds_and_one_line(keyring, laptop):
    keyring.pause()
    begun = time.monotonic()
    ended = laptop.sign_in("login", "--app-name", "Shop", "--json")
    keyring.resume()
    assert ended.code == 0, ended.err
    assert 3 <= time.monotonic() - begun < 6
    assert ended.document["stored_in"] == "file"
    why = "the keyring did not answer within 3 s (is it locked?)"
    line = f"The login is in {laptop.tokens_path()} (readable by you alone): {why}."
    assert ended.err.splitlines().count(line) == 1
    assert stat.S_IMODE(laptop.tokens_path().stat().st_mode) == 0o600
    assert laptop.tokens()["access_token"]


def test_a_keyring_that_is_locked_later_loses_no_login(keyring, laptop):
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    keyring.pause()
    begun = time.monotonic()
    ended = laptop.run("token", "--json")
    assert time.monotonic() - begun < 5
    keyring.resume()
    assert ended.code == 1
    assert "did not answer within 3 s" in ended.document["message"]
    assert "You are still signed in" in ended.document["message"]
    assert laptop.run("token").code == 0


def test_an_item_that_was_deleted_is_a_login_that_is_gone(keyring, laptop):
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    (item,) = keyring.items()
    keyring.call("org.freedesktop.secrets", item, "org.freedesktop.Secret.Item.Delete")
    ended = laptop.run("token", "--json")
    assert (ended.code, ended.document["error_class"]) == (4, "NOT_SIGNED_IN")
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    assert laptop.run("token").code == 0


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({}, r"the keyring refused: .*org\.freedesktop\.secrets.*"),
        ({"DBUS_SESSION_BUS_ADDRESS": ""}, "there is no session bus"),
        ({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}, "the keyring refused: .*"),
        ({"AUTHFLOW_KEYRING": "0"}, "AUTHFLOW_KEYRING is 0"),
    ],
    ids=["no service", "no bus", "dead bus", "not wanted"],
)
def test_without_a_keyring_the_file_is_used_at_once(laptop, env, reason):
    laptop.env |= env
    begun = time.monotonic()
    run = laptop.start("login", "--app-name", "Shop")
    run.browse()
    ended = run.ended()
    assert ended.code == 0
    assert time.monotonic() - begun < 2.5
    assert run.program.err.wait(rf"^The login is in {laptop.tokens_path()} \(readable by you alone\): {reason}\.$", 1)
    assert stat.S_IMODE(laptop.tokens_path().stat().st_mode) == 0o600
    assert laptop.tokens()["access_token"]
