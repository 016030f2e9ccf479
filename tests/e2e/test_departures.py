"""Clients that die without a word, servers that go and come, and what an operator does about it."""

import os
import signal
import sqlite3
import subprocess

import pytest
from support.world import AUTHFLOWD

SOON = "grace { seconds: 1 }"


def verb(world, *arguments: str) -> subprocess.CompletedProcess:
    command = [AUTHFLOWD, *arguments, "--data", world.data]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def waiting_login(world, machine: str = "laptop"):
    """A login whose browser was sent, and whose page nobody has answered."""
    run = world.machine(machine).start("login", "--app-name", "Shop", "--no-browser", terminal=True)
    run.printed_url()
    return run


def end_of(world, run) -> str:
    (ended,) = world.wait_event("CLI Auth Aborted", timeout=30)
    return f"{ended['properties']['step']} {ended['properties']['reason']}"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_client_is_noticed_after_its_grace(new_world, how):
    world = new_world(limits=SOON)
    run = waiting_login(world)
    os.kill(run.process.pid, how)
    assert end_of(world, run) == "browser_wait client_lost"
    assert world.metrics().sum("authflow_active_flows") == 0


@pytest.mark.parametrize("stop", ["drain", "kill"])
def test_a_login_outlives_a_restart_of_its_server(new_world, stop):
    world = new_world(limits="grace { seconds: 600 }")
    run = waiting_login(world)
    if stop == "drain":
        assert world.server.stop() == 0
    else:
        world.server.kill()
    world.start()
    run.browse(url=run.printed_url())
    assert run.ended().code == 0
    names = [message["event"] for message in world.wait_event("CLI Auth Completed")]
    assert names == ["CLI Auth Completed"]
    assert world.received(event="CLI Auth Aborted") == []
    assert len(world.received(event="CLI Auth Started")) == 1


def test_the_conservation_law_notices_a_row_that_was_deleted(new_world):
    world = new_world()
    run = waiting_login(world)

    def missing() -> float:
        scrape = world.metrics()
        started = scrape.sum("authflow_flows_recorded_total", state="started")
        ended = sum(scrape.sum("authflow_flows_recorded_total", state=s) for s in ("completed", "aborted", "failed"))
        return started - ended - scrape.sum("authflow_active_flows")

    assert missing() == 0
    run.process.terminate()
    world.wait_event("CLI Auth Aborted")
    assert missing() == 0
    again = waiting_login(world, "desktop")
    assert world.server.stop() == 0
    with sqlite3.connect(world.data / "authflow.db") as database:
        assert database.execute("DELETE FROM open_flows").rowcount == 1
    world.start()
    assert missing() == 1
    again.process.kill()


def test_an_operator_reads_a_flow_and_sends_dead_events_again(new_world, services):
    world = new_world()
    services.receiver.post("/faults", {"status": 400, "match": {"write_key": world.write_key}})
    run = waiting_login(world)

    def dead(event: str) -> str:
        """Its row, as soon as it is dead."""
        while True:
            listed = verb(world, "outbox", "list")
            assert listed.returncode == 0, listed.stderr
            for row in listed.stdout.splitlines():
                if event in row:
                    return row

    started = dead("CLI Auth Started")
    assert "400" in started
    flow_id = started.split("flow=")[1].split()[0]
    # A watch that the end overtakes is not in the log.
    while "attached" not in verb(world, "flow", flow_id).stdout:
        pass
    run.process.terminate()
    run.ended()
    assert "follows" in dead("CLI Auth Aborted")
    shown = verb(world, "flow", flow_id)
    first, *between, last = [row.split()[2] for row in shown.stdout.splitlines()]
    # The watch and the step are two calls at once.
    assert (first, sorted(between), last) == ("started", ["attached", "entered"], "ended")
    assert "step=browser_wait" in shown.stdout and "reason=user_cancelled" in shown.stdout

    services.receiver.delete("/faults")
    again = verb(world, "outbox", "retry")
    assert again.returncode == 0 and "wait" in again.stderr
    world.wait_event("CLI Auth Aborted")
    assert len(world.received(event="CLI Auth Started")) == 1
    assert verb(world, "outbox", "list").stdout == ""


def test_a_backup_taken_while_serving_is_a_whole_server(new_world, tmp_path):
    world = new_world()
    run = waiting_login(world)
    copy = tmp_path / "copy.db"
    made = verb(world, "backup", str(copy))
    assert made.returncode == 0, made.stderr
    assert "1 open flows" in made.stderr
    assert copy.stat().st_mode & 0o777 == 0o600
    refused = verb(world, "restore", str(copy))
    assert refused.returncode == 1 and "another authflowd" in refused.stderr
    world.server.kill()
    for path in world.data.glob("authflow.db*"):
        path.unlink()
    restored = verb(world, "restore", str(copy))
    assert restored.returncode == 0, restored.stderr
    elsewhere = tmp_path / "elsewhere"
    subprocess.run([AUTHFLOWD, "restore", copy, "--data", elsewhere], check=True, umask=0o022)
    assert elsewhere.stat().st_mode & 0o777 == 0o700, "as the server would have made it"
    world.start()
    run.browse(url=run.printed_url())
    assert run.ended().code == 0
    world.wait_event("CLI Auth Completed")
