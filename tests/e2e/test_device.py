"""The device grant (RFC 8628): a code in the terminal, approved in a browser that is anywhere."""

import re

import pytest
from support import events
from support.events import expected
from support.world import Product, leaks

SIGNED_IN = """
1 Command Invoked
2 CLI Auth Started flow=login no_browser={no_browser}
- identify email name @user
3 CLI Auth Completed flow=login @user
4 Command Completed succeeded=true exit_code=0 @user
"""
ENDED = """
1 Command Invoked
2 CLI Auth Started flow=login no_browser=true
3 CLI Auth Aborted flow=login step=browser_wait reason={reason}
4 Command Completed succeeded=false exit_code=2 error_class={error_class} user_cancelled=true
"""


def shown_code(run) -> tuple[str, str]:
    """The address with the code in it, and the code, as a terminal or a script sees them."""
    address = r"Open this address on any device[^:]*:\s+(http\S+)"
    code = r"(?:Your code|Type in this code there):\s+([A-Z]{4}-[A-Z]{4})"
    if run.terminal:
        uri, user_code = run.terminal.wait_text(address, 20)[1], run.terminal.wait_text(code, 20)[1]
    else:
        found = run.program.err.wait(address, 20), run.program.err.wait(code, 20)
        assert all(found), run.shown()
        uri, user_code = found[0][1], found[1][1]
    return f"{uri}?user_code={user_code}", user_code


def wait_polls(world, count: int, state: str = "arrived"):
    world.services.provider.get("/wait", endpoint="token", count=count, state=state)


@pytest.fixture
def world(new_world, services):
    world = new_world()
    services.provider.post("/reset")
    return world


def test_a_code_approved_in_chromium_signs_in(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", terminal=True)
    url, code = shown_code(run)
    page = run.browse(services.chromium, url=url)
    assert page["ok"], page
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert code in ended.out
    assert re.search(r"signed in with the code, [45]:\d\d left", ended.out), "the code's five minutes are counted"
    assert laptop.profile()["email"] == "alice@example.com"
    assert laptop.tokens()["refresh_token"]
    messages = run.events()
    assert events.timeline(messages) == expected(SIGNED_IN.format(no_browser="true"))
    assert events.problems(messages) == []


@pytest.mark.parametrize("flag", ["--json", "--non-interactive"])
def test_a_script_gets_code_and_address_on_a_line_each(world, flag):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", flag)
    url, code = shown_code(run)
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert f"Type in this code there: {code}" in ended.err.splitlines()
    assert f"Open this address on any device: {url.split('?')[0]}" in ended.err.splitlines()
    if flag == "--json":
        assert ended.document["email"] == "alice@example.com"
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="true"))


def test_a_screen_reader_gets_plain_lines(world):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", terminal=True, AUTHFLOW_ACCESSIBLE="1")
    url, code = shown_code(run)
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert f"Type in this code there: {code}" in ended.out
    assert "\x1b" not in ended.out


def test_signup_goes_the_same_way(world):
    laptop = world.machine()
    run = laptop.start("signup", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(run)
    run.browse(url=url, signup="device.e2e@example.com", name="Dee")
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert ended.document["email"] == "device.e2e@example.com"


@pytest.mark.parametrize("how", ["deny", "deny_consent"])
def test_a_declined_code_ends_as_aborted(world, how):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--json")
    url, _ = shown_code(run)
    run.browse(url=url, **{how: True})
    ended = run.ended()
    assert ended.code == 2, ended.err
    assert ended.document["error_class"] == "DENIED"
    assert run.timeline() == expected(ENDED.format(reason="denied", error_class="DENIED"))


def test_an_expired_code_is_followed_by_another_within_the_same_flow(world, services):
    short = {"device_code": "gone", "user_code": "GONE-GONE", "verification_uri": f"{services.issuer}/device"}
    services.provider.post(
        "/faults",
        {"endpoint": "device_authorization", "status": 200, "times": 1, "body": short | {"expires_in": 1, "interval": 5}},
    )
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", "--json")
    assert run.program.err.wait("GONE-GONE", 20), run.shown()
    assert run.program.err.wait("Trying once more", 20), run.shown()
    found = run.program.err.wait(r"code there: ((?!GONE)\S+)", 20)
    assert found, run.shown()
    run.browse(url=f"{services.issuer}/device?user_code={found[1]}")
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="true"))


def test_ctrl_c_ends_as_aborted_and_the_provider_is_asked_no_more(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--device", terminal=True)
    shown_code(run)
    wait_polls(world, 1)
    run.terminal.type("\x03")
    ended = run.ended()
    assert ended.code == 2, ended.out
    assert run.timeline() == expected(ENDED.format(reason="user_cancelled", error_class="USER_CANCELLED"))
    asked = services.provider.get("/counts")["token"]["arrived"]
    # Another login takes longer than the interval.
    other = world.machine("other")
    assert other.sign_in("login", "--app-name", "Shop").code == 0
    again = other.start("login", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(again)
    wait_polls(world, asked + 1 + 2)  # one exchange, two questions of the second login
    again.browse(url=url)
    assert again.ended().code == 0
    assert services.provider.get("/counts")["token"]["arrived"] <= asked + 1 + 5


def test_a_server_killed_while_it_asks_is_called_again(world):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(run)
    wait_polls(world, 1)
    world.server.kill()
    run.browse(url=url)
    world.start()
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="true"))


def test_a_server_that_drains_does_not_wait_for_the_person(world):
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(run)
    wait_polls(world, 1)
    assert world.server.stop(3.0) == 0
    world.start()
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.err


def test_a_provider_that_is_away_is_asked_again(world, services):
    laptop = world.machine()
    services.provider.post("/faults", {"endpoint": "token", "status": 503, "times": 1})
    run = laptop.start("login", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(run)
    wait_polls(world, 1, "answered")
    run.browse(url=url)
    assert run.ended().code == 0


def test_slow_down_is_obeyed(world, services):
    services.provider.post(
        "/faults", {"endpoint": "token", "status": 400, "times": 1, "body": {"error": "slow_down"}}
    )
    laptop = world.machine()
    run = laptop.start("login", "--device", "--app-name", "Shop", "--json")
    url, _ = shown_code(run)
    wait_polls(world, 1, "answered")
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert services.provider.get("/counts")["token"]["arrived"] == 2, "asked once more, when it was approved long ago"


def test_d_switches_to_a_code_within_the_same_flow(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", terminal=True)
    run.url()
    run.terminal.wait_text("type d and Enter")
    run.terminal.type("d\r")
    url, _ = shown_code(run)
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="false"))


def test_the_browser_may_still_be_first_after_the_switch(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", terminal=True)
    url = run.url()
    run.terminal.type("d\r")
    shown_code(run)
    page = run.browse(url=url)
    assert page["ok"], page
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="false"))


def test_over_ssh_the_code_is_there_without_asking(world):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22", BROWSER="")
    url, _ = shown_code(run)
    run.printed_url()
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="false"))


def test_no_browser_prints_the_address_as_ever(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--no-browser", "--app-name", "Shop")
    run.browse(url=run.printed_url())
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert "code there" not in ended.err
    assert "device_authorization" not in services.provider.get("/counts")


def test_a_provider_without_the_grant_says_so_and_what_to_do(new_world, services):
    paths = {"authorization": "auth", "token": "token", "jwks": "jwks"}
    endpoints = " ".join(f'{name}: "{services.issuer}/{path}"' for name, path in paths.items())
    world = new_world(products=(Product(provider=f"endpoints {{ {endpoints} }}"),))
    laptop = world.machine()
    run = laptop.start("login", "--device")
    ended = run.ended()
    assert ended.code == 1, ended.err
    assert "without --device" in ended.err
    assert run.timeline() == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=true
        3 CLI Auth Failed flow=login step=browser_wait error_class=DEVICE_GRANT_NOT_OFFERED
        4 Command Completed succeeded=false exit_code=1 error_class=DEVICE_GRANT_NOT_OFFERED user_cancelled=false
        """
    )


# A provider that has the grant, and does not let this client use it.

NOT_FOR_US = {"status": 400, "body": {"error": "unauthorized_client"}}
WHY_NOT = r"The identity provider does not let this product sign in with a code \(unauthorized_client\)\."
FAILED = """
1 Command Invoked
2 CLI Auth Started flow=login no_browser=true
3 CLI Auth Failed flow=login step=browser_wait error_class=PROVIDER_CLIENT_REFUSED
4 Command Completed succeeded=false exit_code=1 error_class=PROVIDER_CLIENT_REFUSED user_cancelled=false
"""


@pytest.fixture(params=["device_authorization", "token"])
def refusing_endpoint(request, world, services):
    """Refuses the client at the first request, or at the first question."""
    services.provider.post("/faults", NOT_FOR_US | {"endpoint": request.param, "times": 1})
    return request.param


def test_a_code_that_this_client_may_not_have_fails_what_wants_a_code(world, refusing_endpoint):
    run = world.machine().start("login", "--device")
    ended = run.ended()
    assert ended.code == 1, ended.err
    assert re.search(WHY_NOT, ended.err), ended.err
    assert run.timeline() == expected(FAILED)


def test_after_d_a_line_says_so_and_the_browser_goes_on(world, refusing_endpoint):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", terminal=True)
    url = run.url()
    run.terminal.wait_text("type d and Enter")
    run.terminal.type("d\r")
    run.terminal.wait_text("No sign-in with a code: " + WHY_NOT.split()[0])
    assert run.browse(url=url)["ok"]
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert ended.out.count("No sign-in with a code") == 1
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="false"))


def test_where_no_browser_opens_the_address_is_still_good(world, refusing_endpoint):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", "--debug", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22", BROWSER="")
    assert run.program.err.wait("No sign-in with a code", 20), run.shown()
    run.browse(url=run.printed_url())
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert run.timeline() == expected(SIGNED_IN.format(no_browser="false"))


def test_a_client_that_is_lost_after_it_is_lost_and_did_not_fail(new_world, services):
    world = new_world(limits="grace { seconds: 1 }")
    services.provider.post("/faults", NOT_FOR_US | {"endpoint": "device_authorization", "times": 1})
    run = world.machine().start("login", "--debug", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22", BROWSER="")
    assert run.program.err.wait("No sign-in with a code", 20), run.shown()
    run.program.kill()
    assert run.timeline("CLI Auth Aborted") == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Aborted flow=login step=browser_wait reason=client_lost
        """
    )


def test_the_device_code_is_in_no_log_and_on_no_disk(world, services):
    laptop = world.machine()
    given = {"device_code": "the-device-code-of-the-provider", "user_code": "SEEN-HERE"}
    services.provider.post(
        "/faults",
        {
            "endpoint": "device_authorization",
            "status": 200,
            "body": given | {"verification_uri": f"{services.issuer}/device", "expires_in": 60, "interval": 1},
        },
    )
    run = laptop.start("login", "--device", "--debug")
    assert run.program.err.wait("SEEN-HERE", 20), run.shown()
    assert run.ended().code == 1, "the provider does not know this code"
    world.wait_delivered()
    assert world.server.stop() == 0
    secrets = {"device code": given["device_code"], "user code": given["user_code"]}
    assert leaks(secrets, world.data) == []
    for path in world.logs.glob("authflowd-*"):
        logged = path.read_text()
        assert not [name for name, value in secrets.items() if value in logged], path.name
