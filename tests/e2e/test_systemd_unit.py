"""The server under the restrictions of deploy/systemd/authflowd.service: it needs nothing that the unit takes away.

No systemd runs here: support/restricted.py takes system calls, address families, executable memory and the writing of
files away as the unit says.
"""

import signal
import subprocess
from pathlib import Path

import pytest
from support import restricted, world
from support.authflowd import ended
from support.world import ROOT

UNIT = ROOT / "deploy/systemd/authflowd.service"
RESTRICTED = ["/usr/bin/python3", restricted.__file__, UNIT]


def attempt(folder, code: str) -> subprocess.CompletedProcess:
    """A Python program that tries something, under the same restrictions."""
    argv = [*RESTRICTED, folder, "/usr/bin/python3", "-c", code]
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=30)


def test_a_whole_login_and_a_drain(new_world, tmp_path, monkeypatch):
    place = new_world(start=False)
    place.data.mkdir()  # StateDirectory=
    program = tmp_path / "authflowd"
    words = [*RESTRICTED, place.data, world.AUTHFLOWD]
    program.write_text(f"#!/bin/sh\nexec {' '.join(map(str, words))} \"$@\"\n")
    program.chmod(0o755)
    monkeypatch.setattr(world, "AUTHFLOWD", program)
    place.start()
    assert "Seccomp:\t2\n" in Path(f"/proc/{place.server.pid}/status").read_text()
    machine = place.machine()
    assert machine.sign_in("login", "--app-name", "Shop").code == 0
    place.wait_event("CLI Auth Completed")
    assert place.metrics().sum("process_open_fds") > 0
    copied = ended("backup", place.folder / "copy.db", "--data", place.data)
    assert copied.returncode == 0, copied.stderr
    assert place.server.stop() == 0
    # And again, on the data of the first.
    place.start()
    assert machine.run("apps", "list").code == 0
    assert place.server.stop() == 0


@pytest.mark.skipif(restricted.landlock_version() == 0, reason="the kernel has no Landlock")
def test_no_file_is_written_elsewhere(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    assert attempt(inside, f"open({str(inside / 'file')!r}, 'w')").returncode == 0
    assert "PermissionError" in attempt(inside, f"open({str(outside)!r}, 'w')").stderr


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.setuid(1)",
        "import os; os.chroot('/')",
        "import os; os.sched_setaffinity(0, {0})",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_what_the_unit_takes_away_kills(tmp_path, code):
    assert attempt(tmp_path, code).returncode == -signal.SIGSYS


def test_other_sockets_are_refused(tmp_path):
    assert attempt(tmp_path, "import socket; socket.socket(socket.AF_INET)").returncode == 0
    assert "Address family not supported" in attempt(tmp_path, "import socket; socket.socket(socket.AF_NETLINK)").stderr
