"""Completion, in the shells themselves."""

import os

import pytest
from support.machine import AUTHFLOW
from support.terminal import Terminal

CLEAR_LINE = "\x15"

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(authflow completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(authflow completion zsh)"),
    # From a folder, as zsh finds its completions: the first Tab loads it.
    "zsh_fpath": (
        ["zsh", "-f", "-i"],
        "authflow completion zsh >_authflow; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D",
    ),
    "fish": (["fish", "--no-config", "-i"], "authflow completion fish | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request, tmp_path):
    argv, setup = SHELLS[request.param]
    environment = {
        "PATH": f"{AUTHFLOW.resolve().parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": "> ",
    }
    terminal = Terminal(["/usr/bin/env", "-C", tmp_path, *argv], environment, tmp_path / "terminal")
    # The shell's own echo of the command is no answer: it has a "+" in it.
    terminal.type(f"{setup}; echo is=$((40 + 2))\n" if request.param != "fish" else f"{setup}; echo is=(math 40 + 2)\n")
    terminal.wait_text("is=42")
    yield terminal
    terminal.close()


# bash shows words alone.
@pytest.mark.parametrize("shell", sorted(SHELLS.keys() - {"bash"}), indirect=True)
def test_words_are_shown_with_what_they_mean(shell):
    for typed, meaning in (("authflow s", "Create an account and sign in"), ("authflow login --pro", "The product to sign in to")):
        seen = len(shell.text)
        shell.type(typed + "\t")
        shell.wait_text(meaning, since=seen)
        shell.type(CLEAR_LINE)


def test_a_tab_completes_commands_and_flags(shell):
    for typed, whole in (
        ("authflow sig", "authflow signup "),
        ("authflow apps cre", "authflow apps create "),
        ("authflow telemetry st", "authflow telemetry status "),
        ("authflow apps create --sel", "authflow apps create --select "),
        ("authflow --json login --app-n", "authflow --json login --app-name "),
        ("authflow --server apps:1 apps lis", "authflow --server apps:1 apps list "),
    ):
        seen = len(shell.text)
        shell.type(typed + "\t")
        shell.wait_text(whole, since=seen)
        shell.type(CLEAR_LINE)
