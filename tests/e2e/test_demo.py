"""The demo proves itself: what arrived is compared with a list written by hand, and each missing or added event shows."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from support.machine import AUTHFLOW
from support.world import AUTHFLOWD

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts/demo"


def demo(*arguments) -> subprocess.CompletedProcess:
    environment = dict(os.environ, AUTHFLOWD=str(AUTHFLOWD), AUTHFLOW=str(AUTHFLOW))
    return subprocess.run(
        [DEMO, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return folder, demo("--headless", "--folder", folder)


def test_the_demo_shows_what_was_expected(played):
    folder, shown = played
    assert shown.returncode == 0, shown.stdout
    assert "started = 5 ended + 0 still open" in shown.stdout
    assert (folder / "homes/laptop/config/authflow/profiles/default.json").exists()


def test_it_leaves_nothing_running(played):
    folder, shown = played
    assert shown.returncode == 0, shown.stdout
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert str(folder).encode() not in process.read_bytes()
        except OSError:
            pass  # It has ended meanwhile.


def test_each_missing_added_or_changed_event_is_exit_code_1(played, tmp_path):
    folder, shown = played
    assert shown.returncode == 0, shown.stdout
    rows = (folder / "received.jsonl").read_text().splitlines()

    def check(changed: list[str]) -> int:
        path = tmp_path / "received.jsonl"
        path.write_text("\n".join(changed) + "\n")
        return demo("--check", path).returncode

    assert check(rows) == 0
    for index in range(len(rows)):
        assert check(rows[:index] + rows[index + 1 :]) == 1, f"without {rows[index]}"
        assert check(rows[: index + 1] + rows[index:]) == 1, f"twice {rows[index]}"
    changed = json.loads(rows[-1])
    changed["message"]["properties"]["is_ci"] = False
    assert check([*rows[:-1], json.dumps(changed)]) == 1, "a wrong type"


def test_a_second_demo_in_the_same_folder_says_so(played, tmp_path):
    import fcntl

    folder = tmp_path / "busy"
    folder.mkdir()
    with open(folder / "lock", "w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        shown = demo("--headless", "--folder", folder)
    assert shown.returncode == 1
    assert "kill 4711" in shown.stdout
