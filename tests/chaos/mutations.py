#!/usr/bin/python3
"""Plants one bug after the other and expects the chaos to find each, as its kind. See tests/chaos/mutations.

A bug is a patch whose first lines say what it breaks, "Found as: KIND", and if need be "Run with: FLAGS" of chaos.py. Each
is applied to a copy of this tree, built there, and run with each seed for a minute at most. "none" is the tree as it is,
in which nothing may be found.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import checker  # noqa: E402

# With what settles, less than a minute.
MINUTES = 0.6


@dataclass(frozen=True)
class Mutation:
    name: str
    patch: Path | None = None
    kind: str = ""
    flags: tuple[str, ...] = ()

    @staticmethod
    def read(patch: Path) -> "Mutation":
        head = patch.read_text().partition("\n--- ")[0]
        kind = re.search(r"^Found as: (\w+)$", head, re.M)
        if kind is None or kind[1] not in checker.KINDS:
            raise SystemExit(f"{patch} does not say as which kind it is found")
        flags = re.search(r"^Run with: (.+)$", head, re.M)
        return Mutation(patch.stem, patch, kind[1], tuple(shlex.split(flags[1])) if flags else ())


def all_mutations() -> list[Mutation]:
    return [Mutation("none"), *(Mutation.read(patch) for patch in sorted((HERE / "mutations").glob("*.patch")))]


class Workshop:
    """A copy of the tree with a bug in it, and where it is built."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.tree = folder / "tree"

    def plant(self, mutation: Mutation):
        """The copy is as the tree is, but for the bug. Files that stay the same are not built again."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
        for path in [path for path in self.tree.rglob("*") if path.is_file()]:
            if str(path.relative_to(self.tree)) not in names:
                path.unlink()
        for name in names:
            target = self.tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        if mutation.patch:
            # The folder may lie inside a repository, and is none of its business.
            environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(self.folder)}
            subprocess.run(["git", "apply", str(mutation.patch)], cwd=self.tree, env=environment, check=True)

    def build(self) -> Path:
        command = ["bazel", f"--output_base={self.folder / 'bazel'}", "build", "--experimental_convenience_symlinks=ignore"]
        if cache := os.environ.get("AUTHFLOW_DISK_CACHE"):
            command.append(f"--disk_cache={cache}")
        target = "//server:authflowd_with_kill_points"
        subprocess.run([*command, target], cwd=self.tree, check=True)
        told = subprocess.run(
            [command[0], command[1], "info", "bazel-bin"], cwd=self.tree, check=True, stdout=subprocess.PIPE, text=True
        )
        return Path(told.stdout.strip()) / "server/authflowd_with_kill_points"


def run(binary: Path, mutation: Mutation, seed: int, folder: Path) -> dict[str, int]:
    """Violations by kind; "trouble" counts what else was wrong."""
    command = ["/usr/bin/python3", HERE / "chaos.py", "--minutes", MINUTES, "--brief", "--seed", seed, "--folder", folder]
    command += mutation.flags
    environment = os.environ | {"AUTHFLOWD_WITH_KILL_POINTS": str(binary)}
    with open(folder.with_suffix(".log"), "w") as log:
        subprocess.run([str(word) for word in command], env=environment, stdout=log, stderr=subprocess.STDOUT)
    verdict = folder / "verdict.json"
    return json.loads(verdict.read_text()) if verdict.exists() else {"trouble": 1}


def prove(workshop: Workshop, mutation: Mutation, seeds: list[int]) -> bool:
    print(f"\n{mutation.name}: building", flush=True)
    workshop.plant(mutation)
    binary = workshop.build()
    good = True
    for seed in seeds:
        begun = time.monotonic()
        found = run(binary, mutation, seed, workshop.folder / f"{mutation.name}-{seed}")
        as_wanted = found.get(mutation.kind, 0) > 0 if mutation.kind else not found
        good &= as_wanted
        what = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items())) or "nothing"
        word = "as it must" if as_wanted else f"NOT AS IT MUST (wanted: {mutation.kind or 'nothing'})"
        print(f"{mutation.name}: seed {seed}: found {what} in {time.monotonic() - begun:.0f} s: {word}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos --mutations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/chaos-mutations")
    options = parser.parse_args()
    known = {mutation.name: mutation for mutation in all_mutations()}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no mutation {unknown[0]}; there are: {', '.join(known)}")
    chosen = [known[name] for name in options.names] or list(known.values())
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(folder)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    results = {mutation.name: prove(workshop, mutation, seeds) for mutation in chosen}
    failed = [name for name, good in results.items() if not good]
    print(f"\nmutations: {len(results) - len(failed)} as they must, {len(failed)} not: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
