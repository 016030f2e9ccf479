#!/usr/bin/python3
"""Drives a login client through redirect, denial, strays, signals, a drain and lost answers; says which duty it breaks."""

import argparse
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from duties import DUTIES, OPTIONAL, Broken  # noqa: E402
from scenarios import always  # noqa: E402
from story import SCENARIOS  # noqa: E402
from world import World  # noqa: E402


class Success:
    """The page of a good exchange, once for all scenarios: each runs in a world of its own, and they run side by side."""

    def __init__(self, world: Callable[[str], World]):
        self._world = world
        self._lock = threading.Lock()
        self._page: str | None = None

    def page(self) -> str:
        with self._lock:
            if self._page is None:
                world = self._world("success")
                try:
                    world.begin()
                    visit = world.redirect()
                    world.need_page(visit)
                    self._page = visit.body
                finally:
                    world.close()
            return self._page


def tell(name: str, world: World) -> dict[str, str]:
    """Runs one scenario: what it found, by duty."""
    try:
        SCENARIOS[name](world)
    except Broken as broken:
        world.expect(broken.duty, False, broken.seen)
    finally:
        world.close()
    always(world)
    return {duty: f"{seen} [{name}]" if seen else "" for duty, seen in world.verdicts.found.items()}


def main() -> int:
    stories = "\n".join(f"  {name:20} {story.__doc__}" for name, story in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        usage="run.py [--only SCENARIO,...] [--jobs N] [--device=ARGUMENTS] -- COMMAND [ARGUMENT...]",
        description=__doc__,
        epilog=f"scenarios:\n{stories}\n\nREADME.md beside this file says what the command must do.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="SCENARIO,...", help="these scenarios (default: all)")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="scenarios at a time (default: 4)")
    parser.add_argument("--patience", type=float, default=15, metavar="S", help="seconds that a step may take (default: 15)")
    parser.add_argument("--device", metavar="ARGUMENTS", help="with which the command signs in by a device code (D20)")
    parser.add_argument("command", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    device = shlex.split(arguments.device or "")
    names = [name for name in SCENARIOS if device or not name.startswith("device")]
    names = arguments.only.split(",") if arguments.only else names
    if shutil.which(arguments.command[0]) is None:
        parser.error(f"there is no program {arguments.command[0]}")
    if not device and (wanting := [name for name in names if name.startswith("device")]):
        parser.error(f"{wanting[0]} needs --device=ARGUMENTS")
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"there is no scenario {unknown[0]}")

    with tempfile.TemporaryDirectory(prefix="authflow-client-", ignore_cleanup_errors=True) as folder:

        def new_world(name: str) -> World:
            return World(arguments.command, device, Path(folder) / name, arguments.patience, success.page)

        success = Success(new_world)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            found = list(pool.map(lambda name: tell(name, new_world(name)), names))

    broken, unseen = 0, 0
    for duty in DUTIES:
        judged = [one[duty] for one in found if duty in one]
        seen = next((one for one in judged if one), "")
        broken += bool(seen)
        if seen:
            print(f"{duty} BROKEN: {seen}")
        elif judged:
            print(f"{duty} ok")
        elif duty == OPTIONAL and not device:
            print(f"{duty} not asked for: run.py --device=ARGUMENTS asks a client that has it")
        elif not arguments.only:
            print(f"{duty} not seen: the client never came so far")
            unseen += 1
    print(f"{broken} of {len(DUTIES)} duties broken." if broken else "No duty is broken.")
    return 1 if broken or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
