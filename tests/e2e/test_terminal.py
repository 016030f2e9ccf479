"""A person who stops: at any place, in any way, whatever has become of the server.

Each case runs the real CLI on a pseudo-terminal. Between it and the server stands support/gate.py, so that one call can be
kept; stopping or killing both is a stopped or dead server, as seen from here.
"""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import events
from support.machine import Run
from support.services import Services
from support.terminal import CTRL_C, ESCAPE
from support.world import Product, World

LIMIT = 1.0  # seconds from the signal to the end of the process
SUPPORT = Path(__file__).resolve().parent / "support"


@pytest.fixture(scope="module")
def owners(services: Services, tmp_path_factory) -> Path:
    """A data folder in which alice owns two applications, and bob none."""
    folder = tmp_path_factory.mktemp("owners")
    world = World(services, folder).start()
    laptop = world.machine()
    for name in ("Shop", "Blog"):
        assert laptop.sign_in("login", "--app-name", name).code == 0
    world.wait_delivered()
    assert world.server.stop() == 0
    world.close()
    return world.data


@pytest.fixture(scope="module")
def slow_disk(tmp_path_factory) -> Path:
    library = tmp_path_factory.mktemp("slow_disk") / "slow_disk.so"
    source = SUPPORT / "slow_disk.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Case:
    """A login that has come to the place under test."""

    def __init__(self, world: World, slow_disk: Path):
        self.world = world
        self.slow_disk = slow_disk
        self.provider = world.services.provider
        self.gate = world.gate()
        self.laptop = world.machine()
        self.laptop.env["AUTHFLOW_SERVER"] = self.gate.address
        self.run: Run | None = None
        # What the server needs, once the signal is there, to learn of it.
        self.afterwards = lambda: None

    def start(self, **env: str):
        self.run = self.laptop.start("login", terminal=True, **env)
        self.terminal = self.run.terminal

    def before_start_flow_answers(self):
        self.gate.hold("StartFlow")
        self.start()
        self.gate.wait_arrived("StartFlow")
        # The answer that names the flow comes after the signal, within the time that the CLI has.
        self.afterwards = lambda: self.gate.release("StartFlow")
        return ""

    def browser_wait(self):
        self.start()
        self.run.url()
        return "browser_wait"

    def exchange(self):
        self.provider.post("/reset")
        self.provider.post("/faults", {"endpoint": "token", "hang": True, "times": 1})
        self.start()
        self.run.browse_later()
        self.provider.get("/wait", endpoint="token", count=1)
        return "code_exchange"

    def apps_fetch(self):
        self.gate.hold_answer("ListApplications")
        self.start()
        self.run.browse_later()
        self.gate.wait_handled("ListApplications")
        return "apps_fetch"

    def select_prompt(self):
        self.start()
        self.run.browse_later()
        self.terminal.wait_text(r"Which application\?[\s\S]*Create a new application")
        return "app_select"

    def name_prompt(self):
        self.start()
        self.run.browse_later(**{"as": "bob"})
        self.terminal.wait_text("Name of the new application")
        return "app_create"

    def region_prompt(self):
        self.name_prompt()
        self.terminal.type("Garden\r")
        self.terminal.wait_text("Where shall it be")
        return "app_create"

    def profile_write(self):
        """The disk does not answer: the write hangs in fsync."""
        pipe = self.world.folder / "slow_disk.pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self.start(LD_PRELOAD=str(self.slow_disk), SLOW_DISK=str(pipe))
        self.run.browse_later()
        self.terminal.wait_text(r"Which application\?[\s\S]*Create a new application")
        self.terminal.type("\r")
        assert select.select([reader], [], [], 20)[0], f"nothing was written:\n{self.terminal.text}"
        os.close(reader)
        return "profile_configure"

    def stop_server(self):
        for program in (self.gate.program, self.world.server):
            program.pause()

    def kill_server(self):
        for program in (self.gate.program, self.world.server):
            program.kill()


PLACES = {
    "start": Case.before_start_flow_answers,
    "browser": Case.browser_wait,
    "exchange": Case.exchange,
    "apps": Case.apps_fetch,
    "select": Case.select_prompt,
    "name": Case.name_prompt,
    "region": Case.region_prompt,
    "write": Case.profile_write,
}
PROMPTS = ("select", "name", "region")
WAYS = ("SIGINT", "SIGTERM", "SIGHUP", "Esc")
SERVERS = ("well", "stopped", "gone")

TABLE = [
    (place, way, server)
    for place in PLACES
    for way in WAYS
    for server in SERVERS
    if way != "Esc" or place in PROMPTS
]


@pytest.fixture
def case(new_world, owners, slow_disk):
    world = new_world(start=False, products=(Product(),))
    shutil.copytree(owners, world.data)
    world.start()
    yield Case(world, slow_disk)
    world.services.provider.delete("/faults")


def send(case: Case, way: str) -> float:
    sent = time.monotonic()
    if way == "Esc":
        case.terminal.type(ESCAPE)
    elif way == "SIGINT":
        # As the terminal does it when somebody presses Ctrl-C.
        case.terminal.type(CTRL_C)
    else:
        case.terminal.signal(signal.Signals[way])
    return sent


@pytest.mark.parametrize(("place", "way", "server"), TABLE, ids=["-".join(row) for row in TABLE])
def test_a_person_who_stops_is_gone_within_a_second(case: Case, place: str, way: str, server: str):
    step = PLACES[place](case)
    assert case.run.process.poll() is None, case.run.shown()
    if server == "stopped":
        case.stop_server()
    elif server == "gone":
        case.kill_server()
    sent = send(case, way)
    if server == "well":
        case.afterwards()
    code, ended = case.terminal.wait_exit(10)
    assert ended - sent <= LIMIT, f"it took {ended - sent:.2f} s"
    assert code == 2, case.run.shown()
    assert case.terminal.as_found
    assert not case.laptop.tokens_path().exists()
    assert not case.laptop.profile_path().exists()
    if server != "well":
        return
    messages = case.run.events()
    assert events.problems(messages) == []
    lines = [row.removesuffix(" @user") for row in events.timeline(messages) if not row.startswith("-")]
    assert lines == [
        "1 Command Invoked",
        "2 CLI Auth Started flow=login no_browser=false",
        f"3 CLI Auth Aborted flow=login step={step} reason=user_cancelled",
        "4 Command Completed succeeded=false exit_code=2 error_class=USER_CANCELLED user_cancelled=true",
    ]


def wait_taken(pid: int, number: signal.Signals):
    """Until the process has taken the signal: a second one of its kind, sent earlier, would be the same one."""
    bit = 1 << (number - 1)
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        status = Path(f"/proc/{pid}/status").read_text()
        pending = [int(row.split()[1], 16) for row in status.splitlines() if row.startswith(("SigPnd:", "ShdPnd:"))]
        if not any(mask & bit for mask in pending):
            return
    raise AssertionError("the signal is never taken")


@pytest.mark.parametrize("place", ["browser", "select", "write"])
def test_a_second_ctrl_c_exits_at_once(case: Case, place: str):
    PLACES[place](case)
    case.stop_server()
    case.terminal.signal(signal.SIGINT)
    wait_taken(case.run.process.pid, signal.SIGINT)
    sent = time.monotonic()
    case.terminal.signal(signal.SIGINT)
    code, ended = case.terminal.wait_exit(10)
    # One alone waits 0.35 s at least for the stopped server.
    assert ended - sent < 0.25
    assert code == 2
    assert case.terminal.as_found


def test_a_closed_terminal_ends_the_login(case: Case):
    case.browser_wait()
    case.terminal.hang_up()
    code, _ = case.terminal.wait_exit(2)
    assert code == 2
    assert events.timeline(case.run.events())[2] == (
        "3 CLI Auth Aborted flow=login step=browser_wait reason=user_cancelled"
    )


def test_a_login_that_waits_for_another_command_can_be_stopped(case: Case):
    """Another command of this profile has the tokens' lock."""
    folder = case.laptop.tokens_path().parent
    folder.mkdir(parents=True)
    with open(folder / "default.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        case.select_prompt()
        case.terminal.type("\r")
        # browser_wait, app_select, and now profile_configure.
        case.gate.wait_handled("RecordStep", 3)
        sent = send(case, "SIGINT")
        code, ended = case.terminal.wait_exit(10)
    assert code == 2
    assert ended - sent <= LIMIT
    assert "step=profile_configure" in "\n".join(events.timeline(case.run.events()))


def test_tokens_that_come_after_ctrl_c_are_given_back(case: Case):
    before = {session["grant_id"] for session in case.provider.get("/sessions")}
    case.exchange()
    send(case, "SIGINT")
    code, _ = case.terminal.wait_exit(10)
    assert code == 2
    case.run.events()
    case.provider.post("/release", {"endpoint": "token"})
    case.provider.get("/wait", endpoint="revocation", count=1, state="answered")
    left = [session for session in case.provider.get("/sessions") if session["grant_id"] not in before]
    assert [session["refresh_tokens"] for session in left] in ([], [0])
