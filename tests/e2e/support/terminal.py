"""A program on a real pseudo-terminal: what it shows, keys, signals, and how the terminal is left."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from support.processes import die_with_parent, wait_exit

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|\x1b\][^\x07]*\x07|\r")

CTRL_C = "\x03"
ESCAPE = "\x1b"
ENTER = "\r"
DOWN = "\x1b[B"


_TOKENS = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b[^\[]|(.)", re.S)


def screen(raw: str, width: int = 0) -> list[str]:
    """The lines that stand on a terminal at the end: cursor up, erase below, carriage return and backspace are followed.

    With a width, longer lines are wrapped as a terminal does it."""
    lines, row, column = [""], 0, 0
    for found in _TOKENS.finditer(raw):
        parameter, command, char = found.groups()
        if command == "A":
            row = max(0, row - int(parameter or 1))
        elif command == "J":
            lines[row] = lines[row][:column]
            del lines[row + 1 :]
        elif char == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif char == "\r":
            column = 0
        elif char == "\b":
            column = max(0, column - 1)
        elif char and char >= " ":
            if width and column == width:
                row, column = row + 1, 0
                lines[row:row] = [""] if row == len(lines) else []
            lines[row] = lines[row][:column].ljust(column) + char + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


class Terminal:
    """Starts `argv` as the foreground process of a new terminal. Thread-safe enough for one test."""

    def __init__(self, argv: list[str], env: dict, log: Path, rows: int = 30, columns: int = 110, echo=None):
        self._master, self._slave = os.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.found = termios.tcgetattr(self._slave)
        self._changed = threading.Condition()
        self._text = ""
        self._over = False
        self._stop, self._stopper = os.pipe()
        self._log = open(log, "ab", buffering=0)
        self._echo = echo
        self.process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=env,
            start_new_session=True,
            preexec_fn=self._take_terminal,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _take_terminal(self):
        # As from a shell: a test runner under nohup ignores SIGHUP, one in a script's background SIGINT and SIGQUIT, and
        # whom it starts would inherit that.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def _read(self):
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._master not in ready:
                break
            try:
                data = os.read(self._master, 65536)
            except OSError:
                break
            if not data:
                break
            self._log.write(data)
            if self._echo:
                self._echo(data)
            with self._changed:
                self._text += data.decode(errors="replace")
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """All that was shown, without escape sequences."""
        with self._changed:
            return _ESCAPES.sub("", self._text)

    @property
    def raw(self) -> str:
        """All that was sent to the terminal."""
        with self._changed:
            return self._text

    @property
    def lines(self) -> list[str]:
        """What a person sees now, from the first line on."""
        with self._changed:
            return screen(self._text)

    def wait_text(self, pattern: str, timeout: float = 20.0, since: int = 0):
        """The match of `pattern` in what was shown from character `since` on."""
        expression = re.compile(pattern)
        limit = time.monotonic() + timeout
        with self._changed:
            while True:
                if found := expression.search(_ESCAPES.sub("", self._text), since):
                    return found
                left = limit - time.monotonic()
                if self._over or left <= 0 or self.process.poll() is not None and self._quiet():
                    raise AssertionError(f"the terminal never showed {pattern!r}, but:\n{_ESCAPES.sub('', self._text)}")
                self._changed.wait(min(left, 0.5))

    def _quiet(self) -> bool:
        return not select.select([self._master], [], [], 0)[0]

    def type(self, keys: str):
        os.write(self._master, keys.encode())

    def latency(self, keys: str, until: str) -> float:
        """Seconds from a key to `until` on the terminal."""
        with self._changed:
            since = len(self._text)
            sent = time.monotonic()
            self.type(keys)
            while until not in self._text[since:]:
                assert self._changed.wait(10), f"{keys!r} shows nothing"
            return time.monotonic() - sent

    def resize(self, rows: int, columns: int):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals):
        os.kill(self.process.pid, number)

    def hang_up(self):
        """Closes the terminal, as a person who closes the window."""
        self._end_reading()
        os.close(self._slave)
        self._slave = -1
        os.close(self._master)
        self._master = -1

    def wait_exit(self, timeout: float = 30.0) -> tuple[int, float]:
        """Exit code, and when the program ended (time.monotonic())."""
        return wait_exit(self.process, timeout)

    def attributes(self) -> list:
        return termios.tcgetattr(self._slave)

    @property
    def as_found(self) -> bool:
        return self.attributes() == self.found

    def _end_reading(self):
        if self._stopper >= 0:
            os.write(self._stopper, b"x")
            self._thread.join(5)
            os.close(self._stopper)
            os.close(self._stop)
            self._stopper = self._stop = -1
            self._log.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        # What was written before the end is still to be read.
        while self._master >= 0 and select.select([self._master], [], [], 0)[0] and self._thread.is_alive():
            with self._changed:
                self._changed.wait(0.05)
        self._end_reading()
        for handle in (self._master, self._slave):
            if handle >= 0:
                os.close(handle)
        self._master = self._slave = -1
