"""Whole logins: CLI, browser, provider, server, profile on disk, and the funnel that arrives at the sink."""

import stat

from support import events
from support.events import expected
from support.world import Product, leaks, secrets_of

# A first login of somebody who owns no application yet, with --app-name.
FIRST_LOGIN = """
1 Command Invoked
2 CLI Auth Started flow=login no_browser=false
- identify email name @user
3 CLI Auth Completed flow=login @user
4 Command Completed succeeded=true exit_code=0 @user
"""


def mode(path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_login_travels_through_chromium_into_a_profile_and_the_funnel(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", "--region", "us", "--json")
    url = run.url()
    page = run.browse(services.chromium, url=url, **{"as": "alice"})
    assert page["ok"], page
    assert page["h1"] == "You are signed in"
    assert "alice@example.com" in page["text"]

    ended = run.ended()
    assert ended.code == 0, ended.err
    assert ended.document["email"] == "alice@example.com"
    assert ended.document["application"]["name"] == "Shop"
    assert ended.document["application"]["region"] == "us"

    profile = laptop.profile()
    assert profile["application"]["name"] == "Shop"
    assert profile["email"] == "alice@example.com"
    assert "token" not in laptop.profile_path().read_text()
    tokens = laptop.tokens()
    assert tokens["access_token"] and tokens["refresh_token"] and tokens["id_token"]
    assert mode(laptop.tokens_path()) == "0o600"
    assert mode(laptop.tokens_path().parent) == "0o700"

    messages = run.events()
    assert events.timeline(messages) == expected(FIRST_LOGIN)
    assert events.problems(messages) == []
    started, identify = messages[1], messages[2]
    assert started["properties"]["flow_id"] == ended.document["flow_id"]
    assert started["properties"]["flags"] == ["app-name", "json", "region"]
    assert identify["userId"] == ended.document["user_id"]
    assert identify["traits"]["email"] == "alice@example.com"
    assert identify["traits"]["name"] == "Alice Example"

    metrics = world.metrics()
    assert metrics.sum("authflow_flows_started_total", product="acme", kind="login") == 1
    assert metrics.sum("authflow_flows_finished_total", product="acme", kind="login", outcome="completed") == 1
    assert metrics.sum("authflow_active_flows") == 0


def test_nothing_secret_is_left_at_the_server(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", "--debug")
    url = run.url()
    run.browse(url=url)
    assert run.ended().code == 0
    run.events()
    declined = laptop.start("login")
    declined_url = declined.url()
    declined.browse(url=declined_url, deny=True)
    assert declined.ended().code == 2
    world.wait_delivered()
    assert world.server.stop() == 0

    secrets = secrets_of(laptop, [url, declined_url])
    secrets |= {"email": "alice@example.com", "name": "Alice Example"}
    assert {"access_token", "refresh_token", "id_token", "state-0", "nonce-0", "state-1"} <= secrets.keys()
    assert leaks(secrets, world.data) == []
    server_logs = world.folder / "server-logs"
    server_logs.mkdir()
    for path in world.logs.glob("authflowd-*"):
        (server_logs / path.name).write_bytes(path.read_bytes())
    # The user id is in the log nowhere either; on the disk it is the user's number in the funnel.
    secrets["user_id"] = laptop.tokens()["user_id"]
    assert leaks(secrets, server_logs) == []
    # The token of a flow, the code and the verifier never leave memory; what would hold them is named in the log at most.
    logged = "\n".join(path.read_text() for path in server_logs.iterdir())
    for word in ("code=", "code_verifier", "state=", "Bearer "):
        assert word not in logged


def test_the_log_tells_flow_step_code_and_latency_of_each_call(world):
    laptop = world.machine()
    ended = laptop.sign_in("login", "--app-name", "Shop", "--json")
    flow_id = ended.document["flow_id"]
    logged = "\n".join(world.server.err.all() + world.server.out.all())
    for method in ("StartFlow", "RecordStep", "ExchangeCode", "ListApplications", "CreateApplication", "FinishFlow"):
        rows = [row for row in logged.splitlines() if method in row and flow_id in row]
        assert rows, f"{method} of {flow_id} is not in the log:\n{logged}"


def test_signup_creates_the_account_and_the_first_application(world, services):
    laptop = world.machine()
    run = laptop.start("signup", terminal=True)
    page = run.browse(services.chromium, signup="dora.e2e@example.com", name="Dora")
    assert page["ok"], page
    terminal = run.terminal
    terminal.wait_text("Name of the new application")
    terminal.type("Dora's shop\r")
    terminal.wait_text("Where shall it be")
    terminal.type("\x1b[B\r")
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert laptop.profile()["application"]["name"] == "Dora's shop"
    assert laptop.profile()["application"]["region"] == "us"
    messages = run.events()
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=signup no_browser=false
        - identify email name @user
        3 CLI Auth Completed flow=signup @user
        4 Command Completed succeeded=true exit_code=0 @user
        """
    )
    assert events.problems(messages) == []
    assert messages[2]["traits"]["email"] == "dora.e2e@example.com"
    listed = laptop.run("apps", "list", "--json").document["applications"]
    assert [(one["name"], one["region"]) for one in listed] == [("Dora's shop", "us")]


def test_a_product_without_applications_ends_after_the_exchange(new_world):
    world = new_world(products=(Product(regions=()),))
    laptop = world.machine()
    run = laptop.start("login", "--json")
    run.browse()
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert ended.document["application"] is None
    assert laptop.profile()["application"] is None
    assert run.timeline() == expected(FIRST_LOGIN)


def test_the_only_application_is_taken_without_asking(world):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    again = laptop.sign_in("login", "--json")
    assert again.code == 0, again.err
    assert again.document["application"]["name"] == "Shop"


def test_ctrl_c_in_the_browser_wait_ends_as_aborted(world):
    laptop = world.machine()
    run = laptop.start("login", terminal=True)
    run.url()
    run.terminal.type("\x03")
    ended = run.ended()
    assert ended.code == 2, ended.out
    messages = run.events()
    flow_id = messages[1]["properties"]["flow_id"]
    assert flow_id in ended.out, "the flow id stands in what the person sees"
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Aborted flow=login step=browser_wait reason=user_cancelled
        4 Command Completed succeeded=false exit_code=2 error_class=USER_CANCELLED user_cancelled=true
        """
    )
    assert events.problems(messages) == []
    assert not laptop.tokens_path().exists()


def test_ctrl_c_at_the_application_prompt_ends_as_aborted(world):
    laptop = world.machine()
    for name in ("Shop", "Blog"):
        assert laptop.sign_in("login", "--app-name", name).code == 0
    run = laptop.start("login", terminal=True)
    run.browse()
    shown = run.terminal.wait_text(r"Which application\?[\s\S]*Create a new application")[0]
    assert "Shop (eu)" in shown and "Blog (eu)" in shown
    run.terminal.type("\x03")
    ended = run.ended()
    assert ended.code == 2, ended.out
    assert run.timeline() == expected(
        """
        1 Command Invoked @user
        2 CLI Auth Started flow=login no_browser=false @user
        3 CLI Auth Aborted flow=login step=app_select reason=user_cancelled @user
        4 Command Completed succeeded=false exit_code=2 error_class=USER_CANCELLED user_cancelled=true @user
        """
    )
    assert laptop.profile()["application"]["name"] == "Blog", "what was there stays"


def test_consent_denied_is_aborted_and_the_page_says_so(world, services):
    laptop = world.machine()
    run = laptop.start("login", "--json")
    page = run.browse(services.chromium, deny_consent=True)
    assert page["h1"] == "You declined the sign-in"
    ended = run.ended()
    assert ended.code == 2, ended.err
    assert ended.document["error_class"] == "DENIED"
    messages = run.events()
    assert ended.document["flow_id"] == messages[1]["properties"]["flow_id"]
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Aborted flow=login step=browser_wait reason=denied
        4 Command Completed succeeded=false exit_code=2 error_class=DENIED user_cancelled=true
        """
    )
    assert events.problems(messages) == []


def test_a_login_that_takes_too_long_ends_as_expired(new_world):
    world = new_world(limits="browser_wait { seconds: 1 }")
    laptop = world.machine()
    run = laptop.start("login", "--json")
    run.url()
    ended = run.ended()
    assert ended.code == 1, ended.err
    assert ended.document["error_class"] == "FLOW_EXPIRED"
    messages = run.events()
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Aborted flow=login step=browser_wait reason=expired
        4 Command Completed succeeded=false exit_code=1 error_class=FLOW_EXPIRED user_cancelled=false
        """
    )
    assert events.problems(messages) == []
    assert world.metrics().sum("authflow_active_flows") == 0


def test_a_flow_whose_client_and_server_were_killed_ends_by_itself(new_world):
    world = new_world(limits="browser_wait { seconds: 2 }")
    laptop = world.machine()
    run = laptop.start("login")
    run.url()
    run.process.kill()
    world.server.kill()
    world.start()
    messages = run.events(until="CLI Auth Aborted")
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Aborted flow=login step=browser_wait reason=expired
        """
    )
    assert events.problems(messages) == []


def test_nobody_to_ask_is_an_error_that_names_the_flag(world):
    laptop = world.machine()
    run = laptop.start("login", "--json")
    run.browse()
    ended = run.ended()
    assert ended.code == 1
    assert ended.document["error_class"] == "CLIENT_NOT_INTERACTIVE"
    assert "--app-name" in ended.document["message"]
    assert run.timeline() == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        - identify email name @user
        3 CLI Auth Failed flow=login step=app_create error_class=CLIENT_NOT_INTERACTIVE @user
        4 Command Completed succeeded=false exit_code=1 error_class=CLIENT_NOT_INTERACTIVE user_cancelled=false @user
        """
    )


def test_an_unreachable_provider_fails_the_flow_before_its_first_step(world, services):
    services.provider.post("/faults", {"endpoint": "discovery", "status": 503})
    laptop = world.machine()
    run = laptop.start("login", "--json")
    ended = run.ended()
    assert ended.code == 1
    assert ended.document["error_class"] == "PROVIDER_ERROR"
    messages = run.events()
    assert ended.document["flow_id"] == messages[1]["properties"]["flow_id"]
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Failed flow=login step= error_class=PROVIDER_ERROR
        4 Command Completed succeeded=false exit_code=1 error_class=PROVIDER_ERROR user_cancelled=false
        """
    )
    assert events.problems(messages) == []


def test_a_refused_code_is_tried_again_in_the_same_flow(world, services):
    services.provider.post(
        "/faults", {"endpoint": "token", "status": 400, "body": {"error": "invalid_grant"}, "times": 1}
    )
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", "--json")
    first = run.url()
    page = run.browse(services.chromium, url=first)
    assert page["h1"] == "Once more, please"
    second = run.url()
    assert second != first
    page = run.browse(services.chromium, url=second)
    assert page["h1"] == "You are signed in"
    ended = run.ended()
    assert ended.code == 0, ended.err
    messages = run.events()
    assert events.timeline(messages) == expected(FIRST_LOGIN), "one flow, one start"
    assert events.problems(messages) == []


def test_a_pasted_redirect_signs_in_without_a_browser(world, services):
    """The browser is on another machine: nobody listens where it ends, and the address is pasted."""
    laptop = world.machine()
    run = laptop.start("login", "--no-browser", "--app-name", "Shop", terminal=True)
    url = run.printed_url()
    run.terminal.wait_text("Paste the address")
    page = run.browse(url=url)
    assert page["ok"], page
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert run.timeline()[1] == "2 CLI Auth Started flow=login no_browser=true"


def test_a_stray_redirect_ends_nothing(world):
    """Another web page may call the listener: without our state it gets nowhere."""
    import urllib.error
    import urllib.parse
    import urllib.request

    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop")
    url = run.url()
    redirect = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for query, status in (("?error=access_denied", 400), ("?code=x&state=wrong", 400), ("/../favicon.ico", 404)):
        try:
            opener.open(redirect + query, timeout=10)
            raise AssertionError("a stray request was taken for a redirect")
        except urllib.error.HTTPError as error:
            assert error.code in (400, 404), (query, status)
    run.browse(url=url)
    assert run.ended().code == 0
    assert run.timeline() == expected(FIRST_LOGIN)
