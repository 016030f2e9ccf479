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
from server import Server, ServerLost  # noqa: E402
from stage import EXPIRY, Stage  # noqa: E402
from support.processes import Program  # noqa: E402


class Run:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder
        self.seed = str(options.seed)
        self.stop = threading.Event()
        self.trouble: list[str] = []

    def play(self) -> int:
        clients = self.folder / "clients"
        clients.mkdir()
        self.stage = Stage(self.folder, self.seed).open()
        self.server = Server(self.options.authflowd, self.stage.write_config(self.options.grace), self.folder, self.seed)
        self.server.start()
        self.stage.put_proxy(self.server.grpc)
        self.server.stop()
        self.crowd = self._start_crowd(clients)
        begun = time.monotonic()
        threads = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._kill_servers, self._hurt)]
        for thread in threads:
            thread.start()
        self.stop.wait(self.options.minutes * 60)
        self.minutes = (time.monotonic() - begun) / 60
        # The clients finish what they are at, in the storm.
        self.crowd.process.terminate()
        self.crowd.wait(60)
        self.stop.set()
        for thread in threads:
            thread.join()
        return self._judge(clients)

    def _start_crowd(self, clients: Path) -> Program:
        stage = {
            "seed": self.seed,
            "folder": str(self.folder),
            "clients": str(clients),
            "number": self.options.clients,
            "client_kills_per_second": self.options.client_kills,
            "patience": 12,
            "server": self.server.grpc,
            "proxy": self.stage.proxy,
            "browser": self.stage.browser,
            "issuer": self.stage.issuer,
            "products": [92, 8],
        }
        path = self.folder / "stage.json"
        path.write_text(json.dumps(stage))
        program = Program("crowd", [sys.executable, HERE / "crowd.py", path], self.folder / "logs")
        program.wait_ready("^READY", 60)
        return program

    def _guarded(self, work):
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self.trouble.append(f"{type(error).__name__}: {error}")
            self.stop.set()

    def _kill_servers(self):
        while not self.stop.is_set():
            self.server.live_and_die(self.stop)

    def _hurt(self):
        self.stage.hurt(self.stop)

    def _judge(self, clients: Path) -> int:
        if not self.trouble:
            self.stage.calm()
            left = self.server.settle(self.options.settle)
            self.trouble += [f"{int(count)} {what} are left" for what, count in left.items() if count]
            if code := self.server.stop():
                self.trouble.append(f"the last server ended with code {code}")
        self.trouble += [f"{count} servers {what}" for what, count in self.server.happened.items() if "itself" in what]
        verdict = checker.check(clients, self.folder / "received.jsonl", as_of=None)
        self._table(verdict)
        return 1 if self.trouble or verdict.violations else 0

    def _table(self, verdict):
        crowd = json.loads((self.folder / "crowd.json").read_text())
        lines = self.folder.glob("*_faults.txt")
        faults = {path.name.removesuffix("_faults.txt"): collections.Counter(path.read_text().splitlines()) for path in lines}
        faults["provider"] = collections.Counter(self.stage.happened.get("provider", []))
        rows = [("seed", self.seed), ("minutes", f"{self.minutes:.1f}")]
        rows += [(name, count) for name, count in verdict.counts.items()]
        rows += [(f"server: {name}", count) for name, count in sorted(self.server.happened.items())]
        rows += [(f"clients: {name}", count) for name, count in sorted(crowd.items())]
        rows += [(f"paused: {name}", n) for name, n in collections.Counter(self.stage.happened.get("SIGSTOP", [])).items()]
        for kind, counts in sorted(faults.items()):
            rows += [(f"{kind}: {name}", count) for name, count in sorted(counts.items())]
        rows += [(f"VIOLATION {kind}", count) for kind, count in sorted(verdict.by_kind().items())]
        for name, value in rows:
            print(f"  {name:40} {value}")
        for violation in verdict.violations[:20]:
            print(f"  {violation}")
        for trouble in self.trouble:
            print(f"  TROUBLE {trouble}")
        print(f"chaos: {len(verdict.violations)} violations")

    def close(self):
        self.stop.set()
        for name in ("crowd",):
            if program := getattr(self, name, None):
                program.kill()
        if server := getattr(self, "server", None):
            if server.program:
                server.program.kill()
        if stage := getattr(self, "stage", None):
            stage.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="(default: a random one, which is printed)")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--client-kills", type=float, default=1.3, help="a second")
    parser.add_argument("--settle", type=float, default=EXPIRY + 40)
    parser.add_argument("--grace", default="")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/chaos")
    options = parser.parse_args()
    options.authflowd = Path(os.environ["AUTHFLOWD_WITH_KILL_POINTS"])
    options.folder = options.folder.resolve()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
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
