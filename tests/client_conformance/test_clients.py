"""Our own clients keep every duty, and sign in at a real server."""

import os
import subprocess
from pathlib import Path

import pytest
from duties import DUTIES

ROOT = Path(__file__).resolve().parents[2]
AUTHFLOW = Path(os.environ.get("AUTHFLOW") or ROOT / "bazel-bin/client/cli/authflow")
AUTHFLOWD = Path(os.environ.get("AUTHFLOWD") or ROOT / "bazel-bin/server/authflowd")

CLIENTS = {
    "cli": [AUTHFLOW, "login"],
    "python": ["/usr/bin/python3", ROOT / "examples/python/login.py"],
}


@pytest.mark.parametrize("name", CLIENTS)
def test_it_keeps_every_duty(examine, name):
    report = examine(*CLIENTS[name])
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


@pytest.mark.parametrize("name", CLIENTS)
def test_it_signs_in_at_a_real_server(stubs, dev_server, tmp_path, name):
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nexec curl --silent --location --output /dev/null "$1"\n')
    browser.chmod(0o755)
    environment = dict(os.environ, HOME=str(tmp_path), BROWSER=str(browser), PYTHONPATH=str(stubs))
    environment |= {"AUTHFLOW_SERVER": dev_server, "AUTHFLOW_PRODUCT": "dev", "XDG_DATA_HOME": str(tmp_path / "data")}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    command = CLIENTS[name] + (["--app-name", "Shop"] if name == "cli" else [])
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Signed in as dev@example.com." in done.stdout + done.stderr, done
