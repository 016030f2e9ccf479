"""After the login: status, refresh, re-authentication, logout."""

import fcntl
import json
import shutil

from support import events
from support.events import expected


def expire(machine):
    """The access token's time is up, as far as the machine knows."""
    tokens = machine.tokens()
    tokens["expires_at"] = "2020-01-01T00:00:00+00:00"
    machine.tokens_path().write_text(json.dumps(tokens))
    return tokens


def test_commands_without_a_login_exit_with_4(world):
    laptop = world.machine()
    for command in (("status",), ("apps", "list")):
        ended = laptop.run(*command, "--json")
        assert ended.code == 4, ended.err
        assert ended.document["error_class"] == "NOT_SIGNED_IN"


def test_where_nobody_ever_signed_in_no_product_is_asked_for_but_to_sign_in(world):
    laptop = world.machine()
    del laptop.env["AUTHFLOW_PRODUCT"]
    for command in (("status",), ("token",), ("apps", "list"), ("logout",)):
        ended = laptop.run(*command)
        assert ended.code == 4
        assert ended.err.splitlines()[:2] == ["authflow: You are not signed in.", 'Sign in with "authflow login".']
    ended = laptop.run("login")
    assert ended.code == 1
    assert "--product or AUTHFLOW_PRODUCT" in ended.err


def test_a_wrong_command_line_is_a_document_too(world):
    laptop = world.machine()
    for words in (("login", "--nope"), ("apps",), ("apps", "create", "one", "two"), ("login", "--profile-name", "../x")):
        ended = laptop.run(*words, "--json")
        assert ended.code == 1
        assert ended.document["status"] == "error"
        assert ended.document["message"] in ended.err


def test_a_login_that_another_command_holds_is_waited_for_and_then_said(world):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    expire(laptop)
    with open(laptop.tokens_path().with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = laptop.run("token", "--json")
    assert held.code == 1
    assert "Another authflow command has been using this login for 10 s" in held.document["message"]
    assert laptop.run("token").code == 0


def test_a_place_that_cannot_be_written_is_said_before_anybody_signs_in(world):
    laptop = world.machine()
    laptop.tokens_path().parent.parent.mkdir(parents=True, exist_ok=True)
    laptop.tokens_path().parent.write_text("")  # a file, where root too would need a folder
    run = laptop.start("login")
    ended = run.ended()
    assert ended.code == 1
    assert "A login could not be kept here." in ended.err
    assert f"{laptop.tokens_path()}: Not a directory" in ended.err
    assert "http" not in ended.err.replace(str(laptop.tokens_path()), ""), "no address to sign in at"
    assert run.timeline() == expected(
        """
        1 Command Invoked
        2 CLI Auth Started flow=login no_browser=false
        3 CLI Auth Failed flow=login step= error_class=CLIENT_PROFILE_WRITE
        4 Command Completed succeeded=false exit_code=1 error_class=CLIENT_PROFILE_WRITE user_cancelled=false
        """
    )


def test_a_place_that_is_lost_while_somebody_signs_in_fails_the_last_step(world):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop")
    url = run.url()
    folder = laptop.tokens_path().parent
    shutil.rmtree(folder)
    folder.write_text("")
    run.browse(url=url)
    ended = run.ended()
    assert ended.code == 1
    assert "You signed in, but it could not be kept here." in ended.err
    assert run.timeline()[-2].startswith("3 CLI Auth Failed flow=login step=profile_configure error_class=CLIENT_PROFILE_WRITE")


def test_a_login_in_a_place_that_cannot_be_written_is_used_and_said_not_to_be_renewable(world):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    lock = laptop.tokens_path().with_suffix(".lock")
    lock.unlink()
    lock.mkdir()  # nobody, not even root, opens it for writing
    assert laptop.run("token").code == 0
    expire(laptop)
    ended = laptop.run("token")
    assert ended.code == 1
    renewed, advice, error_class = ended.err.splitlines()
    assert "You are still signed in, but the session is to be renewed and could not be kept here." in renewed
    assert f"Cannot open {lock}: Is a directory." in renewed
    assert advice == "See to it that this can be written, and run the command again."
    assert error_class == "Error class: CLIENT_PROFILE_WRITE"


def test_logout_revokes_and_is_recorded_once(world, services):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    refresh_token = laptop.tokens()["refresh_token"]
    first = laptop.start("logout", "--json")
    assert first.ended().document["revoked"] is True
    assert not laptop.tokens_path().exists()
    assert first.timeline() == expected(
        """
        1 Command Invoked @user
        2 CLI Auth Logout flow=logout @user
        3 Command Completed succeeded=true exit_code=0 @user
        """
    )
    assert events.problems(first.events()) == []
    second = laptop.start("logout", "--json")
    assert second.ended().document["signed_out"] is False
    # The later run is nobody's: it falls back to the installation's id.
    assert second.timeline() == expected(
        """
        1 Command Invoked
        2 Command Completed succeeded=true exit_code=0
        """
    )
    assert refresh_token not in json.dumps(services.provider.get("/sessions"))
    assert laptop.profile()["application"]["name"] == "Shop", "the profile stays"


def test_an_expired_access_token_is_refreshed_silently(world):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    before = expire(laptop)
    run = laptop.start("apps", "list", "--json")
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert [one["name"] for one in ended.document["applications"]] == ["Shop"]
    after = laptop.tokens()
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"], "the provider rotates"
    assert run.timeline() == expected(
        """
        1 Command Invoked @user
        2 Command Completed succeeded=true exit_code=0 @user
        """
    )


def test_parallel_commands_refresh_once(world, services):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    expire(laptop)
    services.provider.post("/reset")
    runs = [laptop.start("apps", "list", "--json") for _ in range(8)]
    assert [run.ended().code for run in runs] == [0] * 8
    assert services.provider.get("/counts")["token"]["arrived"] == 1


def test_a_server_that_is_away_ends_no_session(world, services):
    """Neither one that is gone nor a provider that fails: the session is there when they are back."""
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    before = expire(laptop)
    services.provider.post("/faults", {"endpoint": "token", "status": 503, "times": 20})
    failed = laptop.run("token", "--json")
    assert (failed.code, failed.document["error_class"]) == (1, "PROVIDER_ERROR")
    services.provider.delete("/faults")
    world.server.kill()
    gone = laptop.start("token", "--json").ended()
    assert (gone.code, gone.document["error_class"]) == (1, "CLIENT_NETWORK")
    assert "You are still signed in" in gone.document["message"]
    assert laptop.tokens() == before
    world.start()
    assert laptop.run("token").code == 0


def test_a_session_that_the_provider_ended_is_said_to_be_over(world, services):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    expire(laptop)
    services.provider.delete("/sessions", sub=laptop.tokens()["user_id"])
    ended = laptop.run("token")
    assert ended.code == 4
    assert "Your session is over." in ended.err
    assert not laptop.tokens_path().exists()
    again = laptop.run("token", "--json")
    assert (again.code, again.document["error_class"]) == (4, "NOT_SIGNED_IN")


def test_a_login_as_another_account_is_pointed_out(world):
    laptop = world.machine()
    for who, note in (("alice", False), ("alice", False), ("bob", True), ("bob", False)):
        run = laptop.start("login", "--app-name", "Shop", "--json")
        run.browse(**{"as": who})
        ended = run.ended()
        assert ended.code == 0, ended.err
        assert ended.document["account_changed"] == note
        assert ("Note: you were signed in as alice@example.com before." in ended.err) == note
        assert f"Signed in as {who}@example.com." in ended.err


def test_a_dead_session_signs_in_again_and_the_funnel_shows_nothing_of_it(world, services):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    expire(laptop)
    user_id = laptop.tokens()["user_id"]
    services.provider.delete("/sessions", sub=user_id)
    run = laptop.start("apps", "list", terminal=True)
    page = run.browse()
    assert page["ok"], page
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert "Shop" in ended.out
    world.wait_delivered()
    messages = run.events()
    assert events.timeline(messages) == expected(
        """
        1 Command Invoked @user
        2 Command Completed succeeded=true exit_code=0 @user
        """
    )
    metrics = world.metrics()
    assert metrics.sum("authflow_flows_finished_total", kind="reauthentication", outcome="completed") == 1
    assert laptop.profile()["application"]["name"] == "Shop"


def test_a_dead_session_without_a_terminal_exits_with_4(world, services):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    expire(laptop)
    services.provider.delete("/sessions", sub=laptop.tokens()["user_id"])
    ended = laptop.run("apps", "list", "--json")
    assert ended.code == 4, ended.err
    assert ended.document["error_class"] == "REFRESH_TOKEN_REFUSED"


def test_identify_is_sent_for_a_new_identity_only(world):
    laptop = world.machine()
    runs = []
    for who in ("alice", "alice", "bob"):
        run = laptop.start("login", "--app-name", "Shop")
        run.browse(**{"as": who})
        assert run.ended().code == 0
        runs.append([message["traits"]["email"] for message in run.events() if message["type"] == "identify"])
    assert runs == [["alice@example.com"], [], ["bob@example.com"]]


def test_an_opted_out_run_works_is_counted_and_leaves_no_trace(world):
    import sqlite3

    laptop = world.machine()
    laptop.env["DO_NOT_TRACK"] = "1"
    run = laptop.start("login", "--app-name", "Shop")
    run.browse()
    ended = run.ended()
    assert ended.code == 0, ended.err
    aborted = laptop.start("login", terminal=True)
    aborted.url()
    aborted.terminal.type("\x03")
    assert aborted.ended().code == 2
    assert laptop.run("logout").code == 0
    user_id = laptop.profile()["user_id"]

    metrics = world.metrics()
    assert metrics.sum("authflow_flows_started_total", kind="login") == 2
    assert metrics.sum("authflow_flows_finished_total", kind="login", outcome="completed") == 1
    assert metrics.sum("authflow_flows_finished_total", outcome="aborted", reason="user_cancelled") == 1
    assert world.server.stop() == 0
    assert world.received() == []
    rows = {}
    for path in world.data.rglob("*"):
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            with sqlite3.connect(path) as database:
                for table in ("outbox", "invocations"):
                    rows[table] = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                rows["numbers"] = database.execute("SELECT coalesce(sum(last_sequence), 0) FROM invocations").fetchone()[0]
        assert user_id.encode() not in path.read_bytes() if path.is_file() else True, f"the user id is in {path}"
    assert rows["outbox"] == 0
    assert rows["numbers"] == 0
