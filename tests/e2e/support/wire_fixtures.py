"""Fixtures of the tests that speak to the server without our CLI."""

import grpc
import pytest

from support.http import Admin
from support.processes import Program
from support.services import NODE, SUPPORT
from support.wire_client import RECORDER, Loopback
from support.wire_world import WireWorld


class Odd(Admin):
    """providers_odd.mjs: `base` is where the server finds it."""

    def __init__(self, program: Program):
        self.program = program
        self.base = program.wait_ready(r"^READY (\S+)", 60)[1]
        super().__init__(program.out.wait(r"^ADMIN (\S+)", 5)[1])

    def set(self, **settings):
        self.post("/set", settings)

    def fault(self, endpoint: str, **fault):
        self.post("/faults", {"endpoint": endpoint, **fault})

    def arrived(self, endpoint: str) -> int:
        return self.get("/counts").get(endpoint, {"arrived": 0})["arrived"]


def start_odd(folder, *arguments, name: str = "providers_odd") -> Odd:
    return Odd(Program(name, [NODE, SUPPORT / "providers_odd.mjs", *arguments, "--until-stdin-closes"], folder))


@pytest.fixture(scope="session")
def odd_program(tmp_path_factory):
    odd = start_odd(tmp_path_factory.mktemp("odd"))
    yield odd
    odd.program.stop()


@pytest.fixture
def odd(odd_program):
    """With its defaults, faults and counts cleared."""
    odd_program.post("/reset")
    yield odd_program
    odd_program.post("/reset")


def _maker(services, folder):
    worlds = []

    def make(config, start: bool = True, **options) -> WireWorld:
        world = WireWorld(services, folder / f"world-{len(worlds) + 1}", config, **options)
        worlds.append(world)
        return world.start() if start else world

    yield make
    for world in worlds:
        world.close()
    services.provider.delete("/faults")
    services.receiver.delete("/faults")


@pytest.fixture
def new_wire(services, tmp_path):
    """Makes a world from a configuration's text, or from a function that gives it: new_wire(config, limits=...)."""
    yield from _maker(services, tmp_path)


@pytest.fixture(scope="module")
def new_shared_wire(services, tmp_path_factory):
    """The same for a world that the tests of a module share."""
    yield from _maker(services, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def loopback():
    listener = Loopback()
    yield listener
    listener.close()


@pytest.fixture(scope="module", autouse=True)
def nothing_is_internal_or_unknown():
    """Whatever a module does: no client met these codes, and no server counted them."""
    yield
    bad = {grpc.StatusCode.INTERNAL.name, grpc.StatusCode.UNKNOWN.name}
    assert [status for status in RECORDER.statuses if status.code in bad] == []
    assert {code: WireWorld.handled.get(code, 0) for code in ("Internal", "Unknown")} == {"Internal": 0, "Unknown": 0}
