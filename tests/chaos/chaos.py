#!/usr/bin/python3
"""Everything is killed and hurt for some minutes; then every flow must have one start, one end, and all its events."""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import checker  # noqa: E402
import report  # noqa: E402
from cli_runs import CliRuns  # noqa: E402
from library_runs import LibraryRuns  # noqa: E402
from login import HABITS  # noqa: E402
from server import KILL_POINTS, Server  # noqa: E402
from stage import BROWSER_WAIT, EXPIRY, Stage  # noqa: E402
from support.processes import Program  # noqa: E402

# How long the clients may take for what they are at when the storm is over.
PATIENCE, PATIENCE_BRIEFLY = 12, 4
# Until what ends by itself has ended, and all is delivered. A lane may be put off, or its lease may have to run out.
SETTLE = EXPIRY + 40
SETTLE_BRIEFLY = BROWSER_WAIT + checker.LATE + 4
# Two products: one provider is quick, the other is real.
PRODUCTS = [92, 8]


class Run:
    def __init__(self, options):
        self.options = options
        self.folder: Path = options.folder
        self.clients = self.folder / "clients"
        self.seed = str(options.seed)
        self.trouble: list[str] = []
        self.minutes = 0.0
        self.storm_over = threading.Event()
        self.crowd: Program | None = None
        self.cli_runs: list[CliRuns] = []
        self.library_runs: list[LibraryRuns] = []

    def play(self) -> int:
        self._open()
        calm = threading.Event()  # nothing is begun any more
        works = [self._kill_servers, self._hurt, *(lambda runs=runs: runs.run(calm) for runs in self.cli_runs + self.library_runs)]
        threads = [threading.Thread(target=self._guarded, args=(work,)) for work in works]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        self.storm_over.wait(self.options.minutes * 60)
        self.minutes = (time.monotonic() - begun) / 60
        # The clients finish what they are at while it goes on.
        calm.set()
        self.crowd.process.terminate()
        self.crowd.wait(PATIENCE * 3)
        self.storm_over.set()
        for thread in threads:
            thread.join()
        verdict = self._judge()
        report.show(self, verdict)
        found = verdict.by_kind() + collections.Counter(trouble=len(self.trouble))
        (self.folder / "verdict.json").write_text(json.dumps(found))
        return 1 if self.trouble or verdict.violations else 0

    def _open(self):
        self.clients.mkdir()
        self.stage = Stage(self.folder, self.seed).open()
        config = self.stage.write_config()
        self.server = Server(self.options.authflowd, config, self.folder, self.seed)
        self.server.lean, self.server.life = self.options.lean, self.options.life
        self.server.start()  # for its address
        self.stage.put_proxy(self.server.grpc, *self.options.proxy_pauses)
        self.server.stop()
        addresses = [self.server.grpc, self.stage.proxy]
        self.cli_runs = [
            CliRuns(self.options.authflow, self.folder, self.stage, addresses, number)
            for number in range(1, self.options.terminals + 1)
        ]
        binary = self.options.library_client
        self.library_runs = [LibraryRuns(binary, self.folder, self.seed, addresses, number) for number in (1, 2)]
        stage = {
            "seed": self.seed,
            "folder": str(self.folder),
            "clients": str(self.clients),
            "number": self.options.clients,
            "client_kills_per_second": self.options.client_kills,
            "patience": PATIENCE_BRIEFLY if self.options.brief else PATIENCE,
            "server": self.server.grpc,
            "proxy": self.stage.proxy,
            "browser": self.stage.browser,
            "issuer": self.stage.issuer,
            "products": PRODUCTS,
            "habit": self.options.habit,
        }
        path = self.folder / "stage.json"
        path.write_text(json.dumps(stage))
        self.crowd = Program("crowd", [sys.executable, HERE / "crowd.py", path], self.folder / "logs")
        self.crowd.wait_ready("^READY", 60)

    def _guarded(self, work):
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self.trouble.append(f"{type(error).__name__}: {error}")
            self.storm_over.set()

    def _kill_servers(self):
        while not self.storm_over.is_set():
            self.server.live_and_die(self.storm_over)

    def _hurt(self):
        self.stage.hurt(self.storm_over)

    def _judge(self) -> checker.Verdict:
        self.stage.calm()
        brief = self.options.brief
        if not self.trouble:
            left = self.server.settle(SETTLE_BRIEFLY if brief else SETTLE)
            if brief:
                left.pop("open flows", None)
            self.trouble += [f"{int(count)} {what} are left" for what, count in left.items() if count]
            if code := self.server.stop():
                self.trouble.append(f"the last server ended with code {code}")
        self.trouble += [f"{count} servers {what}" for what, count in self.server.happened.items() if "itself" in what]
        limits = checker.Limits(expiry=EXPIRY, browser_wait=BROWSER_WAIT)
        return checker.check(self.clients, self.folder / "received.jsonl", limits, time.time() if brief else None)

    def close(self):
        self.storm_over.set()
        if self.crowd:
            self.crowd.kill()
        if server := getattr(self, "server", None):
            server.close()
        if stage := getattr(self, "stage", None):
            stage.close()


def options_of(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="(default: a random one, which is printed)")
    parser.add_argument("--clients", type=int, default=120, help="processes at a time")
    parser.add_argument("--client-kills", type=float, default=1.3, help="a second")
    parser.add_argument("--terminals", type=int, default=2, help="logins of the CLI at a time")
    parser.add_argument("--lean", choices=list(KILL_POINTS), default="", help="let the server die there more often")
    parser.add_argument("--life", type=float, default=5.5, help="seconds that a server lives at most, on an idle machine")
    parser.add_argument("--habit", choices=list(HABITS), default="", help="let most people do this")
    parser.add_argument(
        "--proxy-pauses", type=float, nargs=2, default=(0.7, 12), help="mean seconds between cuts of one, of most connections"
    )
    parser.add_argument("--brief", action="store_true", help="do not wait for flows whose time is not up yet")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/chaos")
    options = parser.parse_args(arguments)
    options.authflowd = Path(os.environ["AUTHFLOWD_WITH_KILL_POINTS"])
    options.authflow = Path(os.environ["AUTHFLOW"])
    options.library_client = Path(os.environ["AUTHFLOW_LIBRARY_CLIENT"])
    options.folder = options.folder.resolve()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    return options


def main() -> int:
    options = options_of()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    print(f"chaos: seed {options.seed}", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    run = Run(options)
    try:
        return run.play()
    finally:
        run.close()


if __name__ == "__main__":
    sys.exit(main())
