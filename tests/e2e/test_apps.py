"""apps create, apps select, and telemetry: what a person sets up after the login."""

import json
import unicodedata

import pytest
from support.events import expected
from support.terminal import CTRL_C, ENTER


@pytest.fixture
def laptop(world):
    machine = world.machine()
    assert machine.sign_in("login", "--app-name", "Shop").code == 0
    return machine


def names(laptop) -> list[str]:
    return [one["name"] for one in laptop.run("apps", "list", "--json").document["applications"]]


def test_an_application_is_created_and_the_profile_stays(laptop):
    ended = laptop.run("apps", "create", "Blog", "--region", "us", "--json")
    assert ended.code == 0, ended.err
    made = ended.document["application"]
    assert (made["name"], made["region"], ended.document["selected"]) == ("Blog", "us", False)
    assert f"authflow apps select {made['id']}" in ended.err
    assert names(laptop) == ["Shop", "Blog"]
    assert laptop.profile()["application"]["name"] == "Shop"


def test_an_application_is_created_and_used_at_once(laptop):
    run = laptop.start("apps", "create", "Blog", "--select", "--json")
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert laptop.profile()["application"] == ended.document["application"]
    assert str(laptop.profile_path()) in ended.err
    assert run.timeline() == expected(
        """
        1 Command Invoked @user
        2 Command Completed succeeded=true exit_code=0 @user
        """
    )


def test_a_name_that_is_taken_is_asked_for_again_at_a_terminal(laptop):
    run = laptop.start("apps", "create", terminal=True)
    run.terminal.wait_text("Name of the new application: ")
    run.terminal.type("Shop" + ENTER)
    run.terminal.wait_text("Where shall it be")
    run.terminal.type(ENTER)
    run.terminal.wait_text("(?s)Where.*Name of the new application: ")
    run.terminal.type("Garden" + ENTER)
    run.terminal.wait_text("(?s)Garden.*Where shall it be")
    run.terminal.type(ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert names(laptop) == ["Shop", "Garden"]


def test_ctrl_c_at_the_name_creates_nothing(laptop):
    run = laptop.start("apps", "create", terminal=True)
    run.terminal.wait_text("Name of the new application: ")
    run.terminal.type(CTRL_C)
    assert run.ended().code == 2
    assert names(laptop) == ["Shop"]


def test_a_taken_name_and_an_unknown_region_are_errors_of_their_own(laptop):
    taken = laptop.run("apps", "create", "Shop", "--json")
    assert (taken.code, taken.document["error_class"]) == (1, "APPLICATION_NAME_TAKEN")
    region = laptop.run("apps", "create", "Blog", "--region", "mars", "--json")
    assert (region.code, region.document["error_class"]) == (1, "REGION_NOT_OFFERED")


@pytest.mark.parametrize("command", ["create", "select"])
def test_nobody_to_ask_is_an_error_that_shows_the_command(laptop, command):
    silent = laptop.start("apps", command, "--non-interactive", terminal=True)
    for run in (laptop.start("apps", command, "--json"), silent):
        ended = run.ended()
        assert ended.code == 1
        assert "CLIENT_NOT_INTERACTIVE" in ended.out
        assert f"apps {command} NAME" in ended.out


def test_an_application_is_selected_by_name_or_id(laptop):
    made = laptop.run("apps", "create", "Blog", "--json").document["application"]
    for word, name in (("Blog", "Blog"), ("Shop", "Shop"), (made["id"], "Blog")):
        ended = laptop.run("apps", "select", word, "--json")
        assert ended.code == 0, ended.err
        assert ended.document["application"]["name"] == name
        assert laptop.profile()["application"]["name"] == name
    before = laptop.profile_path().read_text()
    ended = laptop.run("apps", "select", "Nothing", "--json")
    assert ended.code == 1
    assert "apps list" in ended.document["message"]
    assert laptop.profile_path().read_text() == before


def test_an_application_is_selected_with_the_arrow_keys(laptop):
    assert laptop.run("apps", "create", "Blog").code == 0
    run = laptop.start("apps", "select", terminal=True)
    run.terminal.wait_text(r"(?s)Which application\?.*Blog")
    run.terminal.type("\x1b[B" + ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert laptop.profile()["application"]["name"] == "Blog"
    assert json.loads(laptop.run("status", "--json").out)["application"]["name"] == "Blog"


def test_telemetry_off_is_kept_and_nothing_is_recorded_until_it_is_on_again(world):
    laptop = world.machine()
    # No server, no product, no profile is needed for it.
    bare = {"AUTHFLOW_SERVER": "", "AUTHFLOW_PRODUCT": ""}
    assert laptop.run("telemetry", "status", "--json", **bare).document["telemetry"] == "on"
    off = laptop.run("telemetry", "off", "--json", **bare)
    assert off.document == {
        "status": "ok",
        "telemetry": "off",
        "decided_by": "file",
        "file": str(laptop.home / "config/authflow/telemetry"),
    }
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    assert not (laptop.home / "share/authflow/anonymous_id").exists()
    status = laptop.run("telemetry", "status", "--json", DO_NOT_TRACK="", AUTHFLOW_TELEMETRY="1").document
    assert (status["telemetry"], status["decided_by"]) == ("on", "AUTHFLOW_TELEMETRY")
    on = laptop.run("telemetry", "on", DO_NOT_TRACK="1")
    assert "DO_NOT_TRACK in the environment says" in on.out
    run = laptop.start("status")
    assert run.ended().code == 0
    # The first events that there are: none came before them.
    assert run.timeline() == expected(
        """
        1 Command Invoked @user
        2 Command Completed succeeded=true exit_code=0 @user
        """
    )
    world.wait_delivered()
    assert len(world.received()) == 2


def test_the_table_is_straight_whatever_the_names_are_made_of(laptop):
    for name in ("日本語", "Café"):
        assert laptop.run("apps", "create", name).code == 0
    rows = laptop.run("apps", "list").out.splitlines()
    before_id = {columns(row[: row.index("app_")]) for row in rows[1:]}
    assert before_id == {rows[0].index("ID")}


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
