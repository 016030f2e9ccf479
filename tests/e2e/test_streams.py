"""Standard streams that a script left closed, sent to a full disk, or no longer reads."""

import os
import select
import subprocess

import pytest
from support.authflowd import any_port
from support.machine import AUTHFLOW
from support.world import AUTHFLOWD


def without(files):
    """For a child that is to be started so."""

    def close():
        for file in files:
            os.close(file)

    return close


def run(machine, *arguments, closed=(), stdout=subprocess.PIPE):
    done = subprocess.run(
        [AUTHFLOW, *arguments],
        env=machine.env,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=without(closed),
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "command",
    [("token",), ("token", "--json"), ("telemetry", "status"), ("completion", "bash"), ("--help",)],
    ids=" ".join,
)
def test_a_result_that_cannot_be_written_is_an_error(world, command):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    with open("/dev/full", "w") as full:
        code, err = run(laptop, *command, stdout=full)
    assert code == 1
    assert "No space left on device" in err
    code, err = run(laptop, *command, closed=[1])
    assert code == 1
    assert "Bad file descriptor" in err


def test_a_reader_that_has_seen_enough_is_no_error(world):
    laptop = world.machine()
    assert laptop.sign_in("login", "--app-name", "Shop").code == 0
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as left:
        assert run(laptop, "token", stdout=left) == (0, "")
        assert run(laptop, "completion", "bash", stdout=left) == (0, "")


@pytest.mark.parametrize(
    "verb", [("init", "--issuer", "https://id.example", "--client-id", "tool"), ("--version",), ("--help",)], ids=" ".join
)
def test_so_at_the_server(verb):
    def code(**streams):
        return subprocess.run([AUTHFLOWD, *verb], stderr=subprocess.PIPE, timeout=30, **streams).returncode

    with open("/dev/full", "w") as full:
        assert code(stdout=full) == 1
    assert code(preexec_fn=without([1])) == 1
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as left:
        assert code(stdout=left) == 0
    assert code(stdout=subprocess.DEVNULL) == 0


def standard_files(process, files) -> set[str]:
    return {os.readlink(f"/proc/{process.pid}/fd/{file}") for file in files}


def test_nothing_takes_the_number_of_a_stream_that_was_closed_from_the_start(world):
    laptop = world.machine()
    fifo = laptop.home / "urls"
    os.mkfifo(fifo)
    urls = os.open(fifo, os.O_RDWR)
    environment = laptop.env | {"AUTHFLOW_E2E_URLS": str(fifo)}
    login = subprocess.Popen([AUTHFLOW, "login"], env=environment, preexec_fn=without((0, 1, 2)))
    try:
        assert select.select([urls], [], [], 20)[0], "no browser was opened"
        assert standard_files(login, (0, 1, 2)) == {"/dev/null"}
    finally:
        login.kill()
        login.wait()
        os.close(urls)


def test_nor_at_the_server(world, tmp_path):
    argv = [AUTHFLOWD, "--config", world.config, "--data", tmp_path / "data", *any_port(())]
    server = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, preexec_fn=without((0, 1)))
    try:
        assert any('"serving"' in line for line in server.stderr)
        assert standard_files(server, (0, 1)) == {"/dev/null"}
        server.terminate()
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.communicate()
