#!/usr/bin/env python3
"""Instructions and allocations of a call, against budgets that are checked in: see README.md.

Usage: counts.py BIN_FOLDER [--calls N] [--update] [--profile DIR]

Exits 1 when one is more than 5 % above its budget.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import support

BUDGETS = Path(__file__).resolve().parent / "budgets.json"
MOST = 1.05
TURNS = 3
# Where memory is taken. Each in the name of the library that has it; what they call of each other does not count.
ALLOCATIONS = re.compile(r"^(tc_)?(malloc|calloc|realloc|aligned_alloc|memalign|posix_memalign|new|newarray)\b|^operator new")
ALLOCATOR = "tcmalloc"


def read_profile(text: str) -> tuple[int, int]:
    """Instructions and allocations of a file of callgrind's (its manual: Callgrind Format Specification)."""
    names, instructions, allocations = {}, 0, 0
    library = called = ""
    of_a_call = False

    def name(kind: str, word: str) -> str:
        # "(7) name" tells the name of number 7; later it is "(7)".
        number, _, told = word.partition(" ")
        if told:
            names[kind, number] = told
        return names[kind, number]

    for line in text.splitlines():
        key, equals, word = line.partition("=")
        if equals:
            if key in ("ob", "cob"):
                named = name("library", word)
                library = named if key == "ob" else library
            elif key in ("fn", "cfn"):
                called = name("function", word)
            elif key == "calls":
                if ALLOCATIONS.search(called) and ALLOCATOR not in library:
                    allocations += int(word.split()[0])
                of_a_call = True
        elif re.match(r"[0-9+*-]", line):
            # Position and cost; the line after "calls=" is of what was called, which is counted where it happens.
            if not of_a_call:
                instructions += int(line.split()[1])
            of_a_call = False
    return instructions, allocations


def above(counted: dict, budgets: dict) -> list[str]:
    """What is over its budget, in words. What has no budget is."""
    found = []
    for name, count in counted.items():
        budget = budgets.get(name, 0)
        if count > MOST * budget:
            found.append(f"{name}: {count:,.0f}, more than 5 % above the budget of {budget:,.0f}")
    return found


class Profiled:
    """The shipped server under callgrind, which counts all of its threads."""

    def __init__(self, bin_folder: Path, folder: Path):
        self.bin_folder, self.folder, self.tokens = bin_folder, folder, folder / "tokens"
        wrapper = folder / "bin/server/authflowd"
        wrapper.parent.mkdir(parents=True)
        wrapper.write_text(
            "#!/bin/sh\n"
            f'exec valgrind --tool=callgrind --callgrind-out-file={folder}/profile {bin_folder}/server/authflowd "$@"\n'
        )
        wrapper.chmod(0o755)
        self.server = support.Authflowd(folder / "bin", folder, support.product())

    def _control(self, what: str):
        subprocess.run(["callgrind_control", what, str(self.server.process.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count(self, calls: int, verb: str, *arguments) -> tuple[float, float]:
        """One after the other, so that each step is a commit of its own: runs compare."""
        before = set(self.folder.glob("profile.*"))
        self._control("--zero")
        support.load(self.bin_folder, verb, self.server.address, *arguments)
        self._control("--dump")
        (profile,) = set(self.folder.glob("profile.*")) - before
        instructions, allocations = read_profile(profile.read_text())
        profile.rename(self.folder / f"{verb}.callgrind")
        return instructions / calls, allocations / calls


def count(bin_folder: Path, folder: Path, calls: int) -> dict:
    profiled = Profiled(bin_folder, folder)
    # What happens once (statements prepared, caches filled) is not of a call.
    support.load(bin_folder, "start", profiled.server.address, "bench", (1 + TURNS) * calls, 1, profiled.tokens)
    support.load(bin_folder, "step", profiled.server.address, profiled.tokens, 0, calls, 1)
    turns = [turn * calls for turn in range(1, 1 + TURNS)]
    counts = {
        "StartFlow": [profiled.count(calls, "start", "bench", calls, 1, folder / "more") for _ in turns],
        "RecordStep": [profiled.count(calls, "step", profiled.tokens, turn, calls, 1) for turn in turns],
        "FinishFlow": [profiled.count(calls, "finish", profiled.tokens, turn, calls, 1) for turn in turns],
    }
    profiled.server.end(signal.SIGTERM)
    counted = {}
    for name, turns in counts.items():
        # Threads that wait for each other try some times before they sleep: the least is what the work takes.
        instructions, allocations = map(min, zip(*turns))
        counted[f"{name}, instructions"] = round(instructions)
        counted[f"{name}, allocations"] = round(allocations, 1)
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_folder", type=Path)
    parser.add_argument("--calls", type=int, default=500, help="a turn, of three")
    parser.add_argument("--update", action="store_true", help="make what was counted the budget")
    parser.add_argument("--profile", type=Path, help="keep the profiles there, for callgrind_annotate")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authflow-bench-") as folder:
        counted = count(arguments.bin_folder, Path(folder), arguments.calls)
        if arguments.profile:
            arguments.profile.mkdir(parents=True, exist_ok=True)
            for profile in Path(folder).glob("*.callgrind"):
                shutil.copy(profile, arguments.profile)
    budgets = json.loads(BUDGETS.read_text()) if BUDGETS.exists() else {}
    for name, value in counted.items():
        print(f"{name:26} {value:10,.0f} a call; budget {budgets.get(name, 0):10,.0f}")
    if arguments.update:
        BUDGETS.write_text(json.dumps(counted, indent=2) + "\n")
        return 0
    over = above(counted, budgets)
    for words in over:
        print(f"bench: {words}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
