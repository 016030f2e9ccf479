"""The executable under test: started with a scratch home and a $BROWSER of ours, watched, signalled."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

_URL = re.compile(r"https://id\.example\.com/authorize\?[^\s\"'<>]+")
# What a person's shell may have set, and would change what is seen.
_CLEARED = ("DO_NOT_TRACK", "AUTHFLOW_TELEMETRY", "AUTHFLOW_CA", "CI", "DISPLAY", "WAYLAND_DISPLAY")
_PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")


class Client:
    """`changed` is notified whenever something has happened; it also guards what stands here."""

    def __init__(self, changed: threading.Condition, command: list[str], server: str, home: Path, environment: dict):
        self._changed = changed
        self.opened: list[tuple[float, str]] = []  # URLs in the order in which they were first seen, opened or printed
        self.output = ""
        self.code: int | None = None
        self.ended_at = 0.0
        home.mkdir(parents=True, exist_ok=True)
        tools = Path(tempfile.mkdtemp(dir=home.parent, prefix="browser-"))
        fifo, browser = tools / "fifo", tools / "browser"
        os.mkfifo(fifo)
        browser.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$1\" >'{fifo}'\n")
        browser.chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if name not in _CLEARED and name.lower() not in _PROXIES}
        clean |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "BROWSER": str(browser),
            "AUTHFLOW_SERVER": server,
            "AUTHFLOW_PRODUCT": "conformance",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        # Open for writing as well, so that it never ends; an empty line ends its reader.
        self._fifo = fifo
        self._urls = os.fdopen(os.open(fifo, os.O_RDWR), "rb", buffering=0)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean | environment,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        for thread in (self._reader, threading.Thread(target=self._read_fifo, daemon=True)):
            thread.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def signal(self, number: signal.Signals) -> float:
        """When it was sent."""
        now = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
        return now

    def close(self):
        """Whatever it started ends with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._changed:
            self._changed.wait_for(lambda: self.code is not None, timeout=10)
        self._reader.join(5)
        with os.fdopen(os.open(self._fifo, os.O_RDWR), "wb", buffering=0) as fifo:
            fifo.write(b"\n")

    def _saw(self, url: str):
        with self._changed:
            if all(url != seen for _, seen in self.opened):
                self.opened.append((time.monotonic(), url))
            self._changed.notify_all()

    def _read_output(self):
        with self._process.stdout as stream:
            for raw in stream:
                line = raw.decode(errors="replace")
                with self._changed:
                    self.output += line
                if found := _URL.search(line):
                    self._saw(found[0])

    def _read_fifo(self):
        with self._urls:
            for raw in self._urls:
                if url := raw.decode(errors="replace").strip():
                    self._saw(url)
                else:
                    return

    def _wait(self):
        code = self._process.wait()
        with self._changed:
            self.code, self.ended_at = code, time.monotonic()
            self._changed.notify_all()
