"""While the browser is away or the server is slow: what the terminal shows, and what it takes."""

import re
import shlex
import socket
import time
import urllib.parse

import pytest
from support.events import expected
from support.machine import AUTHFLOW
from support.terminal import CTRL_C, ENTER, ESCAPE, Terminal

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def last_page(services, url: str) -> str:
    """The person signs in elsewhere: where their browser ends, without anybody there to answer it."""
    return services.http.post("/open", {"url": url, "deliver": False})["redirect"]


def test_the_wait_for_the_browser_counts_down(world):
    run = world.machine().start("login", terminal=True)
    run.url()
    found = run.terminal.wait_text(rf"[{SPINNER}] Waiting for the browser, (\d+):(\d\d) left\.")
    # Ten minutes are what the server gives by default.
    assert 590 < int(found[1]) * 60 + int(found[2]) <= 600
    run.terminal.wait_text(r"Waiting for the browser, 9:58 left")
    run.terminal.type(CTRL_C)
    assert run.ended().code == 2


def test_the_time_left_is_that_of_the_server(new_world):
    world = new_world(limits="browser_wait { seconds: 65 }")
    run = world.machine().start("login", terminal=True)
    run.url()
    run.terminal.wait_text(r"Waiting for the browser, 1:0[0-5] left")
    run.terminal.type(CTRL_C)
    assert run.ended().code == 2


def test_nothing_of_the_wait_is_left_on_the_screen(world):
    run = world.machine().start("login", "--app-name", "Shop", terminal=True)
    url = run.url()
    run.terminal.wait_text("Waiting for the browser")
    run.browse(url=url)
    run.terminal.wait_exit(20)
    assert not any("Waiting" in line or "⠋" in line for line in run.terminal.lines), run.terminal.lines
    assert any(line.startswith("Signed in as ") for line in run.terminal.lines)
    assert run.ended().code == 0


@pytest.mark.parametrize(
    ("env", "animated", "coloured"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"AUTHFLOW_ACCESSIBLE": "1"}, False, False),
    ],
    ids=["xterm", "NO_COLOR", "dumb", "accessible"],
)
def test_colour_and_motion_are_for_terminals_that_want_them(world, env, animated, coloured):
    run = world.machine().start("login", "--app-name", "Shop", terminal=True, **env)
    url = run.url()
    run.terminal.wait_text("Waiting for the browser, 9:" if animated else "Waiting for the browser, 10:00 left")
    run.browse(url=url)
    assert run.ended().code == 0
    raw = run.terminal.raw
    assert any(frame in raw for frame in SPINNER) == animated
    assert bool(re.search(r"\x1b\[[0-9;]*m", raw)) == coloured
    assert ("\x1b" in raw) == animated, "a plain terminal gets no escape sequence at all"


def test_without_a_terminal_there_is_neither_colour_nor_motion(world):
    ended = world.machine().sign_in("login", "--app-name", "Shop")
    assert ended.code == 0
    assert "\x1b" not in ended.err + ended.out
    assert "Waiting" not in ended.err


def test_without_utf_8_the_spinner_is_ascii(world):
    run = world.machine().start("login", terminal=True, LANG="C")
    run.url()
    run.terminal.wait_text(r"[|/\\-] Waiting for the browser")
    run.terminal.type(CTRL_C)
    run.ended()
    assert not any(frame in run.terminal.raw for frame in SPINNER)


def test_an_address_is_accepted_while_waiting_for_the_browser(world, services):
    run = world.machine().start("login", "--app-name", "Shop", terminal=True)
    answer = last_page(services, run.url())
    run.terminal.wait_text("Waiting for the browser")
    run.terminal.type("what is this" + ENTER)
    run.terminal.wait_text("That is not the answer of a sign-in")
    run.terminal.type("half an address" + ESCAPE + answer)
    run.terminal.wait_text(rf"{len(answer)} characters \(not shown\)")
    run.terminal.type(ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(answer).query)["code"][0]
    assert code not in ended.out, "what was pasted is not shown"
    assert run.timeline()[2:4] == expected(
        """
        - identify email name @user
        3 CLI Auth Completed flow=login @user
        """
    )


def test_a_code_alone_is_accepted_or_the_whole_address_asked_for(world, services):
    """This provider names itself in each answer (RFC 9207), which a code alone does not."""
    run = world.machine().start("login", "--app-name", "Shop", terminal=True)
    answer = last_page(services, run.url())
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(answer).query)["code"][0]
    run.terminal.wait_text("Waiting for the browser")
    run.terminal.type(code + ENTER)
    run.terminal.wait_text("The code alone is not enough with this provider: paste the whole address")
    run.terminal.type(answer + ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert code not in ended.out


def test_what_is_pasted_while_a_code_is_refused_is_not_shown(world, services):
    gate = world.gate()
    gate.hold("ExchangeCode")
    run = world.machine().start("login", "--app-name", "Shop", terminal=True, AUTHFLOW_SERVER=gate.address)
    answer = last_page(services, run.url())
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(answer).query)["code"][0]
    run.terminal.wait_text("Waiting for the browser")
    run.terminal.type(code + ENTER)
    gate.wait_arrived("ExchangeCode")
    run.terminal.type(answer)
    gate.release("ExchangeCode")
    run.terminal.wait_text(rf"{len(answer)} characters \(not shown\)")
    run.terminal.type(ENTER)
    ended = run.ended()
    assert ended.code == 0, ended.out
    assert code not in ended.out


def test_an_address_of_another_sign_in_is_ignored(world, services):
    one = world.machine("one").start("login", terminal=True)
    other = world.machine("other").start("login", "--app-name", "Shop", terminal=True)
    foreign = last_page(services, one.url())
    url = other.url()
    other.terminal.wait_text("Waiting for the browser")
    other.terminal.type(foreign + ENTER)
    other.terminal.wait_text("An answer of the browser was ignored")
    other.browse(url=url)
    assert other.ended().code == 0
    one.terminal.type(CTRL_C)
    one.ended()


def test_over_ssh_no_browser_is_started_and_the_answer_is_pasted(world, services):
    laptop = world.machine()
    fake = laptop.home / "bin"
    fake.mkdir()
    (fake / "xdg-open").write_text(f"#!/bin/sh\ntouch {laptop.home}/opened\n")
    (fake / "xdg-open").chmod(0o755)
    laptop.env |= {"PATH": f"{fake}:{laptop.env['PATH']}", "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22", "BROWSER": ""}
    run = laptop.start("login", "--app-name", "Shop", terminal=True)
    url = run.printed_url()
    run.terminal.wait_text("This is an SSH session without a display")
    run.terminal.type(last_page(services, url) + ENTER)
    assert run.ended().code == 0
    assert not (laptop.home / "opened").exists()


@pytest.mark.parametrize(
    ("program", "env"),
    [
        ("xdg-open", {}),
        ("wslview", {"WSL_DISTRO_NAME": "Debian"}),
        ("powershell.exe", {"WSL_DISTRO_NAME": "Debian"}),
    ],
)
def test_the_platforms_program_opens_the_page(world, program, env):
    laptop = world.machine()
    fake = laptop.home / "bin"
    fake.mkdir()
    (fake / program).write_text('#!/bin/sh\nfor last; do :; done\nprintf "%s\\n" "$last" >"$AUTHFLOW_E2E_URLS"\n')
    (fake / program).chmod(0o755)
    laptop.env |= {"PATH": f"{fake}:/usr/bin:/bin", "BROWSER": ""} | env
    run = laptop.start("login", "--app-name", "Shop")
    url = run.url().removeprefix("Start-Process '").removesuffix("'")
    run.browse(url=url)
    assert run.ended().code == 0


def test_a_browser_that_fails_is_followed_by_the_next_and_the_last_is_told(world):
    laptop = world.machine()
    run = laptop.start("login", "--app-name", "Shop", BROWSER=f"/bin/false:{laptop.browser}")
    run.browse()
    ended = run.ended()
    assert ended.code == 0
    assert "could not be opened" not in ended.err
    run = laptop.start("login", terminal=True, BROWSER="/bin/false")
    run.terminal.wait_text(r"The browser could not be opened\. Open the address above")
    run.terminal.type(CTRL_C)
    assert run.ended().code == 2
    run = laptop.start("login", terminal=True, BROWSER="/nonexistent")
    run.terminal.wait_text(r"No browser was found here\. Open this address")
    run.terminal.type(CTRL_C)
    assert run.ended().code == 2


def test_ctrl_z_while_waiting_for_the_browser(world):
    laptop = world.machine()
    environment = laptop.env | {"PS1": "ready> ", "BROWSER": "/bin/true"}
    shell = Terminal(["/bin/dash", "-i"], environment, world.folder / "dash.terminal")
    try:
        shell.wait_text("ready> ")
        shell.type(f"{shlex.quote(str(AUTHFLOW))} login\n")
        shell.wait_text("Waiting for the browser, 9:")
        shell.type("\x1a")
        shell.wait_text(r"Stopped|Suspended")
        assert shell.as_found
        seen = len(shell.text)
        shell.type("fg\n")
        shell.wait_text("Waiting for the browser, 9:", since=seen)
        assert not shell.as_found
        shell.type(CTRL_C)
        shell.wait_text(r"Cancelled\.")
        shell.wait_text(r"(?s)Cancelled\..*ready> ")
        assert shell.as_found
    finally:
        shell.close()


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_a_server_that_is_not_there_is_told_within_two_seconds_and_ends_within_eight(world, terminal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    begun = time.monotonic()
    run = world.machine().start("login", terminal=terminal, AUTHFLOW_SERVER=f"127.0.0.1:{port}")
    sentence = rf"Still no answer from http://127\.0\.0\.1:{port}"
    if terminal:
        run.terminal.wait_text(sentence)
    else:
        assert run.program.err.wait(sentence, 10)
    assert time.monotonic() - begun < 2
    ended = run.ended()
    assert time.monotonic() - begun < 8
    assert ended.code == 1
    shown = ended.out + ended.err
    assert "cannot be reached" in shown
    assert "Check --server" in shown
    if not terminal:
        assert len(re.findall(sentence, ended.err)) == 1


def test_ctrl_c_while_the_server_does_not_answer(world):
    """It takes connections and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = world.machine().start("login", terminal=True, AUTHFLOW_SERVER=f"127.0.0.1:{silent.getsockname()[1]}")
        run.terminal.wait_text("Still no answer")
        sent = time.monotonic()
        run.terminal.type(CTRL_C)
        code, ended = run.terminal.wait_exit(10)
    assert code == 2
    assert ended - sent < 1.5
    assert not any("Still no answer" in line for line in run.terminal.lines)
