"""The Debian package, made of the given binaries: what is in it, what it depends on, and that it works where it is installed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from test_docker import AUTHFLOWD, installed_with, packages_of

ROOT = Path(__file__).resolve().parents[2]
AUTHFLOW = Path(os.environ.get("AUTHFLOW") or ROOT / "bazel-bin/client/cli/authflow")
VERSION = re.search(r'kVersion\[\] = "(.+)"', (ROOT / "server/base/version.h").read_text())[1]


def run(*argv, **options) -> str:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_package(folder: Path) -> Path:
    folder.mkdir()
    environment = dict(os.environ, AUTHFLOWD=str(AUTHFLOWD.resolve()), AUTHFLOW=str(AUTHFLOW.resolve()))
    environment["DPKG_DEB_COMPRESSOR_TYPE"] = "none"  # quick
    return Path(run(ROOT / "scripts/package", folder, env=environment).strip())


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return make_package(tmp_path_factory.mktemp("package") / "out")


@pytest.fixture(scope="module")
def tree(package, tmp_path_factory) -> Path:
    """Its files, as anybody may unpack them."""
    folder = tmp_path_factory.mktemp("tree")
    run("dpkg-deb", "--extract", package, folder)
    return folder


def installed(name: str) -> str:
    """The package of that name, or the one that is here and provides it."""
    shown = run("dpkg-query", "--show", "--showformat", "${Package}\t${Provides}\n")
    for line in shown.splitlines():
        package, provides = line.split("\t")
        if name == package or re.search(rf"(^|, ){re.escape(name)}( |,|$)", provides):
            return package
    raise AssertionError(f"{name} is not installed")


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "--field", package, name).strip()


def test_its_name_and_version_are_those_of_the_programs(package, tree):
    assert package.name == f"authflow_{VERSION}_{run('dpkg', '--print-architecture').strip()}.deb"
    assert field(package, "Version") == VERSION
    assert run(tree / "usr/bin/authflowd", "--version").strip() == f"authflowd {VERSION}"
    assert run(tree / "usr/bin/authflow", "--version").strip() == f"authflow {VERSION}"


def test_it_depends_on_each_library_of_both_programs(package, tree):
    needed = {installed(one.split(" ")[0]) for one in field(package, "Depends").split(", ")}
    for program in ("authflowd", "authflow"):
        linked = re.findall(r"=> (/\S+)", run("ldd", tree / "usr/bin" / program))
        assert len(linked) > 5
        assert packages_of(linked) - installed_with(needed) == set()


CARRIED = {"abseil": "libabsl-dev", "grpc": "libgrpc++-dev", "protobuf": "libprotobuf-dev", "re2": "libre2-dev"}


def test_it_says_what_its_programs_carry_and_on_whose_terms(package, tree):
    """Who has to build it again for a fix learns so from here: docs/decisions/0014."""
    told = dict(one.split(" ", 1) for one in field(package, "Static-Built-Using").split(", "))
    for source, library in CARRIED.items():
        assert told.pop(source) == f"(= {run('dpkg-query', '--show', '--showformat=${source:Version}', library)})"
        terms = tree / f"usr/share/doc/authflow/{library}.copyright"
        assert terms.read_text() == Path(f"/usr/share/doc/{library}/copyright").read_text()
        assert terms.name in (terms.parent / "copyright").read_text()
    assert not told
    for program in ("authflowd", "authflow"):
        assert not re.search(r"absl|grpc|protobuf|re2", run("ldd", tree / "usr/bin" / program))


def test_the_same_binaries_make_the_same_bytes(package, tmp_path):
    assert make_package(tmp_path / "again").read_bytes() == package.read_bytes()


def test_the_unit_starts_the_program_of_the_package_as_the_user_of_the_package(tree):
    unit = (tree / "lib/systemd/system/authflowd.service").read_text()
    assert (tree / re.search(r"^ExecStart=/(\S+)", unit, re.M)[1]).exists() and "/usr/local" not in unit
    user = re.search(r"^User=(\S+)", unit, re.M)[1]
    assert f"\nu {user} " in (tree / "usr/lib/sysusers.d/authflow.conf").read_text()
    assert (tree / "etc/authflow/secrets").stat().st_mode & 0o777 == 0o700


def test_completions_stand_where_shells_look(tree):
    for place in (
        "bash-completion/completions/authflow",
        "zsh/vendor-completions/_authflow",
        "fish/vendor_completions.d/authflow.fish",
    ):
        assert "no-browser" in (tree / "usr/share" / place).read_text()
    run("bash", "-n", tree / "usr/share/bash-completion/completions/authflow")


def test_man_finds_the_pages(tree):
    for page in ("authflow", "authflowd"):
        assert f"{page} -" in run("man", "-M", tree / "usr/share/man", page, env=dict(os.environ, LC_ALL="C"))


def test_other_languages_find_the_protos(tree, tmp_path):
    protos = tree / "usr/share/authflow/protos"
    run("protoc", f"-I{protos}", f"--python_out={tmp_path}", *sorted(protos.rglob("*.proto")))
    assert (protos / "authflow/v1/service_config.json").exists()
    assert (protos / "google/rpc/error_details.proto").exists(), "refusals travel in it"


@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg gives files to root")
def test_dpkg_installs_and_removes_it(package, tmp_path):
    root = tmp_path / "root"
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    # Its libraries are the machine's; its scripts run here, and are told where the root is.
    dpkg = ("dpkg", f"--root={root}", "--log=/dev/null", "--force-depends", "--force-script-chrootless")
    users = Path("/etc/passwd").read_bytes()
    run(*dpkg, "--install", package)
    assert "Status: install ok installed" in run(*dpkg, "--status", "authflow")
    assert re.search(r"^authflow:.*:/var/lib/authflow:/usr/sbin/nologin$", (root / "etc/passwd").read_text(), re.M)
    assert users == Path("/etc/passwd").read_bytes()
    (root / "etc/authflow/authflow.conf").write_text("mine")
    assert run(root / "usr/bin/authflow", "--version").strip() == f"authflow {VERSION}"
    run(*dpkg, "--purge", "authflow")
    assert not (root / "usr/bin/authflowd").exists() and (root / "etc/authflow/authflow.conf").exists()


def test_somebody_signs_in_with_it(tree, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nexec curl --silent --location --output /dev/null "$1"\n')
    browser.chmod(0o755)
    server = [tree / "usr/bin/authflowd", "--dev", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        ready = next(line for line in process.stdout if line.startswith("authflowd ready"))
        address = ready.split("grpc=")[1].split()[0]
        places = {name: str(tmp_path / name.lower()) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        environment = dict(os.environ, BROWSER=str(browser), **places)
        login = ["login", "--server", address, "--product", "dev", "--app-name", "Shop"]
        run(tree / "usr/bin/authflow", *login, env=environment, stdin=subprocess.DEVNULL)
        process.terminate()
        process.stdout.read()
