"""Fixtures of the end-to-end tests: they run the real binaries, a real provider and a real receiver."""

import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.machine import AUTHFLOW  # noqa: E402
from support.services import Services  # noqa: E402
from support.wire_fixtures import (  # noqa: E402, F401
    loopback,
    new_shared_wire,
    new_wire,
    nothing_is_internal_or_unknown,
    odd,
    odd_program,
)
from support.world import AUTHFLOWD, World  # noqa: E402


def pytest_configure():
    for variable, path in (("AUTHFLOWD", AUTHFLOWD), ("AUTHFLOW", AUTHFLOW)):
        if not path.exists():
            pytest.exit(f"{path} is missing: run scripts/test, or build it and set {variable}", returncode=2)


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("services"))
    yield services
    services.close()


@pytest.fixture
def new_world(services, tmp_path):
    """Makes a world, as often as a test wants one: new_world(products=..., limits=...)."""
    worlds = []

    def make(start: bool = True, **options) -> World:
        folder = tmp_path / f"world-{len(worlds) + 1}"
        folder.mkdir()
        world = World(services, folder, **options)
        worlds.append(world)
        return world.start() if start else world

    yield make
    for world in worlds:
        world.close()
    for admin in (services.provider, services.receiver):
        admin.delete("/faults")


@pytest.fixture
def world(new_world) -> World:
    return new_world()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of every log of its worlds and servers."""
    outcome = yield
    report = outcome.get_result()
    folder = item.funcargs.get("tmp_path")
    if report.when != "call" or not report.failed or folder is None:
        return
    for path in sorted([*Path(folder).glob("world-*/logs/*"), *Path(folder).glob("logs/*")]):
        text = path.read_text(errors="replace")
        if text.strip():
            report.sections.append((f"{path} (its end)", "\n".join(text.splitlines()[-40:])))
