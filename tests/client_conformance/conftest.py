"""The kit as a program, and stubs for the clients that are written in Python."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE_MODULES = ROOT / "tests/support/node_modules"
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(ROOT / "examples/python")]


@dataclass
class Report:
    code: int
    broken: dict[str, str]
    ok: list[str]
    text: str


@pytest.fixture(scope="session")
def stubs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stubs")
    subprocess.run([ROOT / "examples/python/generate", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def examine(stubs):
    """Runs the kit on a command."""

    def run(*command, only=(), patience: int = 30, device: str = "") -> Report:
        argv = ["/usr/bin/python3", HERE / "run.py", "--patience", str(patience)]
        argv += ["--only", ",".join(only)] if only else []
        argv += [f"--device={device}"] if device else []
        environment = dict(os.environ, PYTHONPATH=str(stubs), NODE_PATH=str(NODE_MODULES))
        done = subprocess.run([*argv, "--", *command], env=environment, capture_output=True, text=True, timeout=300)
        lines = done.stdout.splitlines()
        broken = dict(line.split(" BROKEN: ", 1) for line in lines if " BROKEN: " in line)
        ok = [line.removesuffix(" ok") for line in lines if line.endswith(" ok")]
        return Report(done.returncode, broken, ok, done.stdout + done.stderr)

    return run
