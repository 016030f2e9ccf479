"""Programs that run beside a test: started, waited for by what they print, stopped, their output kept in files."""

import ctypes
import os
import re
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In the child: a test run that is killed takes its programs along."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Lines:
    """Lines of a stream as they come; kept in a file, and waited for. Thread-safe."""

    def __init__(self, stream, path: Path):
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._ended = False
        self._file = open(path, "ab", buffering=0)
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream):
        with stream:
            for raw in stream:
                self._file.write(raw)
                with self._changed:
                    self._lines.append(raw.decode(errors="replace").rstrip("\n"))
                    self._changed.notify_all()
        self._file.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def all(self) -> list[str]:
        with self._changed:
            return list(self._lines)

    def wait(self, pattern: str, timeout: float, start: int = 0):
        """The first match at or after line `start`; None if the stream ended or the time is up."""
        expression = re.compile(pattern)
        limit = time.monotonic() + timeout
        seen = start
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if found := expression.search(line):
                        return found
                seen = max(seen, len(self._lines))
                left = limit - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._changed.wait(left)

    def join(self, timeout: float = 5.0):
        self._thread.join(timeout)


class Program:
    """A running program. Its output goes to NAME.out and NAME.err in `logs`."""

    def __init__(self, name: str, argv: list[str], logs: Path, env: dict | None = None, cwd: Path | None = None):
        self.name = name
        self.argv = [str(word) for word in argv]
        logs.mkdir(parents=True, exist_ok=True)
        self.logs = logs
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.out = Lines(self.process.stdout, logs / f"{name}.out")
        self.err = Lines(self.process.stderr, logs / f"{name}.err")

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, pattern: str, timeout: float = 30.0):
        found = self.out.wait(pattern, timeout)
        if found is None:
            self.kill()
            tail = "\n".join((self.out.all() + self.err.all())[-15:])
            raise RuntimeError(f"{self.name} did not get ready ({self.argv[0]}):\n{tail}")
        return found

    def say(self, line: str):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def wait(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        self.out.join()
        self.err.join()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait(10)

    def stop(self, timeout: float = 15.0) -> int:
        """SIGTERM, and SIGKILL after `timeout`. The exit code."""
        if self.process.poll() is None:
            self.resume()
            self.process.terminate()
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode
        finally:
            try:
                self.process.stdin.close()
            except OSError:
                pass


def wait_exit(process: subprocess.Popen, timeout: float) -> tuple[int, float]:
    """The exit code and the monotonic time at which the process ended. TimeoutError if it goes on."""
    if process.poll() is not None:
        return process.returncode, time.monotonic()
    handle = os.pidfd_open(process.pid)
    try:
        ready, _, _ = select.select([handle], [], [], timeout)
        now = time.monotonic()
        if not ready:
            raise TimeoutError(f"process {process.pid} still runs after {timeout:.1f} s")
    finally:
        os.close(handle)
    return process.wait(10), now
