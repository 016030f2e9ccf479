"""The systemd unit, as systemd's own checks see it. tests/e2e/test_systemd_unit.py runs the server under its restrictions."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy/systemd/authflowd.service"
SYSUSERS = ROOT / "deploy/systemd/authflow.sysusers.conf"


def setting(name: str) -> str:
    return re.search(rf"^{name}=(.*)$", UNIT.read_text(), re.M)[1]


def test_systemd_finds_nothing_wrong(tmp_path):
    # The program is not installed here.
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", UNIT.read_text(), flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_score_is_the_one_that_the_page_names():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT], capture_output=True, text=True
    )
    score = re.search(r"Overall exposure level for authflowd.service: (\S+)", done.stdout)[1]
    assert f"scores it {score} " in (ROOT / "docs/operations.md").read_text()


def test_a_drain_is_not_cut_off():
    grace = int(re.search(r"--grace (\d+)s", setting("ExecStart"))[1])
    # What still winds up has a second more.
    assert int(setting("TimeoutStopSec")) > grace + 1


def test_the_user_is_made_and_owns_what_it_writes():
    assert re.search(rf"^u {setting('User')} ", SYSUSERS.read_text(), re.M)
    assert f"--data /var/lib/{setting('StateDirectory')} " in setting("ExecStart") + " "
    done = subprocess.run(["systemd-sysusers", "--dry-run", SYSUSERS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
