#!/usr/bin/python3
"""The demo: real logins from the terminal into a profile on disk, and the funnel that they leave. See scripts/demo --help."""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/e2e")]

import check  # noqa: E402
from report import Report  # noqa: E402
from support.http import AdminError  # noqa: E402
from support.machine import Machine, Run  # noqa: E402
from support.services import Services  # noqa: E402
from support.terminal import CTRL_C  # noqa: E402
from support.world import Product, World  # noqa: E402

PERSON = "dora@example.com"
LONG = 600  # seconds that a person at a desktop may take


class Failed(Exception):
    """A sentence for who runs the demo."""


class Browser:
    """Who clicks: headless Chromium, or the person at this desktop."""

    def __init__(self, services: Services, desktop: bool, report: Report):
        self.services = services
        self.desktop = desktop
        self.report = report

    def go(self, run: Run, hint: str, **person):
        """Goes through the provider's pages; returns what the last page says."""
        if self.desktop:
            self.report.note(f"In your browser: {hint}")
            return None
        page = run.browse(self.services.chromium, **person)
        if not page.get("ok"):
            raise Failed(f"Chromium did not get through the provider's pages: {page.get('error') or page.get('text')}")
        return page

    @property
    def patience(self) -> float:
        return LONG if self.desktop else 60


class Demo:
    def __init__(self, services: Services, world: World, browser: Browser, report: Report):
        self.services, self.world, self.browser, self.report = services, world, browser, report
        self.laptop: Machine = world.machine("laptop")
        self.before: list[str] = []
        if browser.desktop:
            self._use_desktop_browser()

    def _use_desktop_browser(self):
        """xdg-open wants the person's own home; the CLI has one of its own here."""
        kept = {name: os.environ.get(name, "") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "BROWSER")}
        lines = [f"export {name}='{value}'" if value else f"unset {name}" for name, value in kept.items()]
        self.laptop.browser.write_text("#!/bin/sh\n" + "\n".join(lines) + '\nexec xdg-open "$1"\n')
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR",
                     "XDG_CURRENT_DESKTOP"):
            if name in os.environ:
                self.laptop.env[name] = os.environ[name]

    def scene(self, title: str, *arguments: str, act=None, code: int = 0):
        self.report.scene(title, arguments)
        begun = time.monotonic()
        run = self.laptop.start(*arguments, terminal=True)
        page = act(run) if act else None
        try:
            ended, _ = run.terminal.wait_exit(self.browser.patience)
        except TimeoutError:
            raise Failed(f"\"authflow {' '.join(arguments)}\" did not end:\n{run.shown()}") from None
        # What Ctrl-C took off the screen is shown as it was.
        lines = run.terminal.lines
        lines = self.before + [line for line in lines if line not in self.before]
        self.before = []
        self.report.ended(lines, page, ended, time.monotonic() - begun)
        run.terminal.close()
        if ended != code:
            raise Failed(f"\"authflow {' '.join(arguments)}\" ended with exit code {ended}, not {code}.")

    def wait_text(self, run: Run, pattern: str):
        run.terminal.wait_text(pattern, self.browser.patience)

    def play(self):
        def sign_up(run: Run):
            page = self.browser.go(run, f"create an account (say, {PERSON}) and allow.", signup=PERSON, name="Dora")
            self.wait_text(run, "Name of the new application")
            run.terminal.type("Garden\r")
            self.wait_text(run, "Where shall it be")
            run.terminal.type("\r")
            return page

        def sign_in(run: Run):
            return self.browser.go(run, "sign in again and allow.", **{"as": PERSON, "password": "a new password"})

        def stop_in_browser(run: Run):
            if not self.browser.desktop:
                run.url()
            self.wait_text(run, "browser opens")
            run.terminal.type(CTRL_C)

        def stop_at_prompt(run: Run):
            page = sign_in(run)
            self.wait_text(run, r"Which application\?[\s\S]*Esc to cancel")
            self.before = run.terminal.lines
            run.terminal.type(CTRL_C)
            return page

        def say_no(run: Run):
            return self.browser.go(
                run, "sign in, and press Cancel where you are asked to allow.",
                **{"as": PERSON, "password": "a new password", "deny_consent": True},
            )

        self.scene("Dora signs up, and makes her first application", "signup", act=sign_up)
        self.scene("She signs in, and makes a second one", "login", "--app-name", "Blog", act=sign_in)
        self.scene("Ctrl-C while the browser waits", "login", act=stop_in_browser, code=2)
        self.scene("Ctrl-C where she is asked which application", "login", act=stop_at_prompt, code=2)
        self.scene("She says no in the browser", "login", act=say_no, code=2)
        self.scene("She signs out", "logout")
        self.scene("She signs out once more", "logout")

    def show(self) -> int:
        """Timeline, funnel, and whether all is as it should be."""
        wanted = check.expected()
        rows = sum(1 for row in wanted if row.startswith(" "))
        try:
            self.services.receiver.get("/wait", count=rows, write_key=self.world.write_key, timeout_ms=20000)
        except AdminError:
            pass  # The comparison says what is missing.
        self.world.wait_delivered()
        messages = self.world.received()
        metrics = self.world.metrics()
        (self.world.folder / "metrics.txt").write_text(metrics.text)
        self.report.timeline(check.invocations(messages))
        consistent = self.report.funnel(metrics, messages)
        found = check.differences(messages, wanted)
        self.report.verdict(len(messages), found, consistent)
        return 1 if found or not consistent else 0


def has_desktop() -> bool:
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(display and sys.stdout.isatty() and shutil.which("xdg-open"))


def stage(folder: Path, keep: bool, headless: bool, report: Report, ready) -> int:
    """Everything that is started is stopped again, unless it is kept: then when this process is told to end."""
    services = Services(folder)
    world = None
    try:
        begun = time.monotonic()
        desktop = not headless and has_desktop()
        issuer, receiver = services.issuer, services.receiver_url
        world = World(services, folder, products=(Product(),)).start()
        report.started(issuer, receiver, world, desktop, time.monotonic() - begun)
        demo = Demo(services, world, Browser(services, desktop, report), report)
        demo.play()
        code = demo.show()
        report.where_to_look(world, folder, keep)
        if keep:
            ready(code)
            signal.pause()
        return code
    except (Failed, RuntimeError, AssertionError, OSError) as error:
        report.failed(str(error), folder)
        return 1
    finally:
        if world:
            world.close()
        services.close()


def clean(folder: Path) -> Path:
    """An empty folder for this run. Only one run at a time has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = (folder / "lock").read_text().strip()
        raise Failed(f"A demo is still running in {folder}: end it with \"kill {owner}\".") from None
    for entry in folder.iterdir():
        if entry.name != "lock":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return folder


def end_on_signals():
    def end(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def run(folder: Path, keep: bool, headless: bool) -> int:
    report = Report(ROOT)
    if not keep:
        end_on_signals()
        return stage(clean(folder), False, headless, report, None)

    # What is kept needs a process that holds it; this one goes when the show is over.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setsid()
        end_on_signals()

        def ready(code: int):
            sys.stdout.flush()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for handle in (0, 1, 2):
                os.dup2(nowhere, handle)
            os.write(writer, bytes([code]))
            os.close(writer)

        os._exit(_quietly(lambda: stage(clean(folder), True, headless, report, ready)))
    os.close(writer)
    signal.signal(signal.SIGINT, lambda *_: os.kill(child, signal.SIGINT))
    told = os.read(reader, 1)
    if told:
        return told[0]
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _quietly(work) -> int:
    try:
        return work()
    except Failed as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--headless", action="store_true", help="headless Chromium, though there is a desktop")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/demo", help="for data, logs and received events")
    parser.add_argument("--check", type=Path, metavar="FILE", help="only compare a file of received events with the list")
    options = parser.parse_args()
    if options.check:
        return check.main([str(options.check)])
    return _quietly(lambda: run(options.folder.resolve(), options.keep, options.headless))


if __name__ == "__main__":
    sys.exit(main())
