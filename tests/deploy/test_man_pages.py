"""The man pages say what the programs say of themselves, and a formatter has nothing against them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from test_docker import AUTHFLOWD
from test_package import AUTHFLOW

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/man"
PROGRAMS = {"authflow.1": AUTHFLOW, "authflowd.8": AUTHFLOWD}


def shown(page: str) -> str:
    environment = dict(os.environ, MANWIDTH="1000", LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING="")
    done = subprocess.run(["man", "--warnings", "-l", PAGES / page], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.replace("\u2010", "-").replace("\u2212", "-")


def help_of(program: Path, *verb: str) -> str:
    """Of the program, and of all its verbs."""
    text = subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout
    verbs = re.search(r"^Subcommands:\n((?:  .+\n)+)", text, re.M)
    for name in re.findall(r"^  (\w+)", verbs[1], re.M) if verbs else ():
        text += help_of(program, *verb, name)
    return text


@pytest.mark.parametrize("page", PROGRAMS)
def test_a_page_has_the_flags_and_verbs_of_its_program_and_no_others(page):
    said, told = help_of(PROGRAMS[page]), shown(page)
    flags = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    # Flags that an example gives to other programs would be long, too.
    assert set(flags.findall(told)) == set(flags.findall(said))
    for verb in re.findall(r"^  ([a-z]+) {3,}", said, re.M):
        assert re.search(rf"\b{verb}\b", told), verb


def test_the_page_of_the_cli_has_its_variables_and_exit_codes():
    told = shown("authflow.1")
    documented = (ROOT / "docs/cli.md").read_text()
    variables = set(re.findall(r"\b[A-Z][A-Z_]+[A-Z]\b", help_of(AUTHFLOW).split("Environment:")[1].split("Exit codes")[0]))
    assert "TRACEPARENT" in variables
    assert {name for name in variables if name not in told} == set()
    for code in re.findall(r"^\| (\d) \|", documented, re.M):
        assert re.search(rf"^ +{code} +", told, re.M), code
