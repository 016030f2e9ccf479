"""The list to choose from, with ten thousand applications: filter, resize, and a terminal that is always given back."""

import os
import shlex
import signal
import sqlite3
import uuid

import pytest
from support.machine import AUTHFLOW
from support.terminal import DOWN, ENTER, ESCAPE, Terminal
from support.world import World

COUNT = 10_000


@pytest.fixture(scope="module")
def crowd(services, tmp_path_factory):
    """A machine whose person owns 10,000 applications."""
    folder = tmp_path_factory.mktemp("crowd")
    world = World(services, folder).start()
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    assert world.server.stop() == 0
    files = [path for path in world.data.rglob("*") if path.is_file()]
    (path,) = [path for path in files if path.read_bytes()[:15] == b"SQLite format 3"]
    with sqlite3.connect(path) as database:
        product, owner, created = database.execute("SELECT product, owner, created_at FROM applications").fetchone()
        database.executemany(
            "INSERT INTO applications (product, owner, request, application_id, name, region, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (product, owner, uuid.uuid4().bytes, str(uuid.uuid4()), f"Project {number:05} {word}", "eu", created)
                for number, word in ((n, ("alpha", "Beta", "gämma")[n % 3]) for n in range(1, COUNT))
            ),
        )
    database.close()
    world.start()
    yield laptop
    world.close()


@pytest.fixture
def prompt(crowd):
    """The prompt of `apps select`, open."""
    runs = []

    def open_prompt(**env):
        run = crowd.start("apps", "select", terminal=True, **env)
        runs.append(run)
        run.terminal.wait_text("Esc to cancel" if not env else "part of a name")
        return run

    yield open_prompt
    for run in runs:
        run.close()


def menu(run) -> list[str]:
    """What stands on the screen from the title on."""
    lines = run.terminal.lines
    first = max(index for index, line in enumerate(lines) if line.startswith("Which application?"))
    return [line for line in lines[first:] if line]


def test_typing_filters_ten_thousand(crowd, prompt):
    run = prompt()
    assert "10000)" in run.terminal.text
    run.terminal.type("04321")
    run.terminal.wait_text(r"Which application\? 04321\n> Project 04321")
    run.terminal.type("\x15beta 99")
    run.terminal.wait_text(r"Which application\? beta 99\n> Project \d*99\d* Beta")
    run.terminal.type(ESCAPE)
    run.terminal.wait_text(r"(?s)beta 99.*of 10000\)\nArrow keys")
    run.terminal.type("07777" + ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert crowd.profile()["application"]["name"].startswith("Project 07777")


def test_a_key_is_shown_within_50_ms(prompt):
    run = prompt()
    keys = ["p", "r", "o", "\x7f", "\x7f", "\x7f", DOWN, "\x1b[6~", "0", "9", "\x15", "\x1b[F", "\x1b[A", "\x1b[H"] * 15
    took = sorted(run.terminal.latency(key, "Enter to choose") for key in keys)
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"key to redraw, {COUNT} applications: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms of {len(took)}")
    assert p99 < 0.050


def test_the_list_follows_the_size_of_the_terminal(prompt):
    run = prompt()
    for rows, columns in ((10, 40), (24, 80), (6, 20), (50, 200)):
        seen = len(run.terminal.text)
        run.terminal.resize(rows, columns)
        run.terminal.wait_text(r"> [\s\S]*\n[^\n]*Arrow", since=seen)
        lines = menu(run)
        assert len(lines) < rows
        assert all(len(line) < columns for line in lines), lines
        assert sum(line.startswith("> ") for line in lines) == 1
        assert lines[0].startswith("Which")
    run.terminal.type(ESCAPE)
    assert run.ended().code == 2


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGSEGV", "SIGBUS"])
def test_whatever_ends_it_the_terminal_is_given_back(prompt, number):
    run = prompt()
    assert not run.terminal.as_found
    run.terminal.signal(signal.Signals[number])
    code, _ = run.terminal.wait_exit(10)
    assert run.terminal.as_found
    assert code == (2 if number in ("SIGTERM", "SIGINT", "SIGHUP") else -signal.Signals[number])


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again(crowd):
    """A shell that does not mend the terminal by itself, as bash does."""
    log = crowd.world.logs / "dash.terminal"
    shell = Terminal(["/bin/dash", "-i"], crowd.env | {"PS1": "ready> ", "AUTHFLOW_E2E_URLS": os.devnull}, log)
    try:
        shell.wait_text("ready> ")
        shell.type(f"{shlex.quote(str(AUTHFLOW))} apps select\n")
        shell.wait_text("Esc to cancel")
        shell.type("gämma")
        shell.wait_text(r"\? gämma\n> Project 00002")
        shell.type("\x1a")
        shell.wait_text(r"(?s)Esc to see all again.*ready> ")
        assert shell.as_found
        shell.type("echo $((20 + 22)) typed\n")
        shell.wait_text("42 typed")
        seen = len(shell.text)
        shell.type("fg\n")
        # The list as it was, below what the shell wrote.
        shell.wait_text(r"\? gämma\n> Project 00002", since=seen)
        assert not shell.as_found
        assert any("42 typed" in line for line in shell.lines)
        shell.type(DOWN + ENTER)
        shell.wait_text(r"now uses Project 00005 gämma")
        shell.wait_text(r"(?s)now uses.*ready> ")
        assert shell.as_found
    finally:
        shell.close()
    assert crowd.profile()["application"]["name"] == "Project 00005 gämma"


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"AUTHFLOW_ACCESSIBLE": "1"}], ids=["dumb", "accessible"])
def test_a_terminal_that_cannot_redraw_gets_a_numbered_list(crowd, prompt, env):
    run = prompt(**env)
    run.terminal.wait_text(r"  1\. Shop \(eu\)\n  2\. Project 00001 Beta")
    run.terminal.wait_text(r"These are 20 of 10000: type part of a name to see others\.")
    assert "21. " not in run.terminal.text
    run.terminal.type("nothing of that kind" + ENTER)
    run.terminal.wait_text("There is nothing like that")
    run.terminal.type("0123 beta" + ENTER)
    run.terminal.wait_text(r"Which application\?\n  1232\. Project 01231")
    run.terminal.type("1235" + ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert crowd.profile()["application"]["name"].startswith("Project 01234")
    assert "\x1b" not in run.terminal.raw
