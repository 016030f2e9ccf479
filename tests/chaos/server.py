"""The server's lives and deaths: it is started, let live for some seconds, and dies in one way or another; again."""

import collections
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

from support.metrics import scrape
from support.processes import Program

# How a life ends, and how often.
ENDS = {"kill -9": 42, "kill point": 40, "SIGTERM and a kill point": 12, "SIGTERM": 6}
# Where it dies, and at most how many passes go by before.
KILL_POINTS = {"before_commit": 250, "after_commit": 250, "after_provider_answer": 25, "after_sink_answer": 60}
DRAINING = "while_draining"
# Seconds until a server is ready.
NORMAL_START = 0.2
ENDED = ("completed", "aborted", "failed")
# Signals do not find a process that is stopped or very busy at once.
PATIENCE = 20.0


class ServerLost(Exception):
    """It did not do what any server does; nothing can be proved about this run."""


class Server:
    lean = ""  # the kill point at which most lives end
    life = 5.5  # seconds, at most

    def __init__(self, binary: Path, config: Path, folder: Path, seed: str):
        self.binary, self.config, self.folder = binary, config, folder
        self.random = random.Random(f"{seed}/server")
        self.happened = collections.Counter()
        self.grpc = self.http = ""
        self.program: Program | None = None
        self._points = folder / "kill_points.txt"
        self._lives = 0
        self._slowness = 1.0

    def start(self, kill_point: str = ""):
        self._lives += 1
        environment = dict(os.environ, AUTHFLOW_KILL_POINT_FILE=str(self._points))
        if kill_point:
            environment["AUTHFLOW_KILL_POINT"] = kill_point
        arguments = ["--config", self.config, "--data", self.folder / "data", "--grace", "3s", "--log-format", "json"]
        arguments += ["--listen", self.grpc or "127.0.0.1:0", "--http-listen", self.http or "127.0.0.1:0"]
        name = f"authflowd-{self._lives}"
        begun = time.monotonic()
        self.program = Program(name, [self.binary, *arguments], self.folder / "logs", environment)
        ready = self.program.out.wait(r"^authflowd ready grpc=(\S+) http=(\S+)", 30)
        if ready is None:
            if kill_point and self.died_at_a_kill_point():
                return
            raise ServerLost(f"{name} did not get ready:\n" + "\n".join(self.program.err.all()[-10:]))
        self.grpc, self.http = ready[1], ready[2]
        # On a busy machine lives are longer, or none of them would see a login end.
        self._slowness = min(max((time.monotonic() - begun) / NORMAL_START, 1.0), 3.0)

    def died_at_a_kill_point(self) -> bool:
        return self.program.wait(PATIENCE) == -signal.SIGKILL and self.hits() != self._hits_before

    def hits(self) -> collections.Counter:
        return collections.Counter(self._points.read_text().split()) if self._points.exists() else collections.Counter()

    def live_and_die(self, stop: threading.Event):
        """One life, of some seconds at most."""
        end = self.random.choices(list(ENDS), list(ENDS.values()))[0]
        point = ""
        leaning = self.lean and self.random.random() < 0.8
        if leaning or end == "kill point":
            name = self.lean if leaning else self.random.choice(list(KILL_POINTS))
            # Mostly early: late ones may not be reached within a life.
            passes = KILL_POINTS[name] * self.random.random() ** 3 / (3 if leaning else 1)
            point = f"{name}:{1 + int(passes)}"
        elif end == "SIGTERM and a kill point":
            point = f"{DRAINING}:{self.random.randint(1, 3)}"
        self._hits_before = self.hits()
        self.start(point)
        process = self.program.process
        self._live(process, self.random.uniform(0.3, self.life) * self._slowness, stop)
        if process.poll() is not None:
            return self._dead(point, "")
        if end.startswith("SIGTERM"):
            process.terminate()
            try:
                self.program.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                raise ServerLost("a drain did not end") from None
            return self._dead(point, "SIGTERM")
        process.kill()
        self.program.wait(PATIENCE)
        return self._dead(point, "kill -9")

    def _live(self, process, seconds: float, stop: threading.Event):
        end = time.monotonic() + seconds
        pause_at = time.monotonic() + self.random.uniform(0, seconds) if self.random.random() < 0.15 else end + 1
        while process.poll() is None and not stop.is_set():
            now = time.monotonic()
            if now >= end:
                return
            if now >= pause_at:
                pause_at = end + 1
                self.happened["SIGSTOP"] += 1
                process.send_signal(signal.SIGSTOP)
                stop.wait(self.random.uniform(0.2, 4))
                process.send_signal(signal.SIGCONT)
            time.sleep(0.02)

    def _dead(self, point: str, how: str):
        code = self.program.process.returncode
        died_there = self.hits() - self._hits_before
        if died_there:
            self.happened[f"kill point {point.partition(':')[0]}"] += 1
        elif how == "kill -9" and code == -signal.SIGKILL:
            self.happened["kill -9"] += 1
        elif how == "SIGTERM" and code == 0:
            self.happened["SIGTERM"] += 1
        else:
            self.happened[f"ended by itself with code {code}"] += 1
        if self.random.random() < 0.3:
            time.sleep(self.random.uniform(0, 1.5))

    def settle(self, seconds: float) -> dict:
        """Undisturbed, until every flow has ended and every event is delivered. What is left after `seconds`."""
        self._hits_before = self.hits()
        self.start()
        end = time.monotonic() + seconds
        while True:
            left = self._left()
            if not any(left.values()) or time.monotonic() >= end:
                return left
            time.sleep(0.25)

    def _left(self) -> dict:
        try:
            metrics = scrape(self.http)
        except OSError:
            return {"scrapes without an answer": 1}
        active = metrics.sum("authflow_active_flows")
        started = metrics.sum("authflow_flows_recorded_total", state="started")
        ended = sum(metrics.sum("authflow_flows_recorded_total", state=state) for state in ENDED)
        return {
            "open flows": active,
            "flows that the totals do not account for": started - ended - active,
            "undelivered events": metrics.sum("authflow_outbox_events", state="pending"),
            "dead events": metrics.sum("authflow_outbox_events", state="dead"),
        }

    def stop(self) -> int:
        """The last one, by SIGTERM; its exit code."""
        self.program.process.terminate()
        return self.program.wait(PATIENCE)

    def close(self):
        if self.program:
            self.program.kill()
