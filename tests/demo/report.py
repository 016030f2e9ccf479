"""What the demo prints."""

import os
import sys
from pathlib import Path

from support import events
from support.machine import AUTHFLOW
from support.metrics import Metrics

STEPS = ("browser_wait", "code_exchange", "apps_fetch", "app_select", "app_create", "profile_configure")
MARKS = {
    "CLI Auth Started": "●",
    "CLI Auth Completed": "✔",
    "CLI Auth Aborted": "✘",
    "CLI Auth Failed": "✘",
}


class Report:
    def __init__(self, root: Path):
        self.root = root
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.scenes = 0

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def _bold(self, text: str) -> str:
        return self._paint("1", text)

    def _soft(self, text: str) -> str:
        return self._paint("2", text)

    def say(self, text: str = ""):
        print(text, flush=True)

    def heading(self, text: str):
        self.say(f"\n{self._bold(text)}")

    def started(self, issuer: str, receiver: str, world, desktop: bool, seconds: float):
        rows = {
            "provider": f"{issuer}  (oidc-provider, OpenID-certified)",
            "authflowd": f"grpc {world.grpc}, http {world.http}, SQLite in {self._short(world.data)}",
            "receiver": f"{receiver}  (speaks Segment's /v1/batch)",
            "browser": "yours: please do what is asked for" if desktop else "headless Chromium",
        }
        self.say(f"demo: started in {seconds:.1f} s")
        for name, text in rows.items():
            self.say(f"  {name:10} {text}")

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def scene(self, title: str, arguments):
        self.scenes += 1
        self.heading(f"{self.scenes}  {title}")
        self.say(f"   $ authflow {' '.join(arguments)}")

    def note(self, text: str):
        self.say(self._paint("33", f"   {text}"))

    def ended(self, lines: list[str], page: dict | None, code: int, seconds: float):
        for line in lines:
            # Every login says this; once is enough.
            told_before = self.scenes > 1 and ("http" in line or line.startswith("Your browser opens"))
            if line.strip() and not told_before:
                self.say(self._soft("   │ ") + (_shortened(line) if "http" in line else line))
        if page:
            self.say(self._soft(f"   │ the browser shows: {page['h1']}"))
        self.say(f"   {self._mark(code)} exit code {code}, {seconds:.1f} s")

    def _mark(self, code: int) -> str:
        return self._paint("32", "✔") if code == 0 else self._paint("33", "✘")

    def timeline(self, invocations):
        self.heading("What arrived at the sink")
        for number, (command, group) in enumerate(invocations, 1):
            self.say(f"   {number}  {self._bold(command)}")
            for message in group:
                self._event(message)

    def _event(self, message: dict):
        words = events.line(message).removesuffix(" @user").split(" ")
        if message["type"] == "identify":
            self.say(f"      {'':>2} · identify             " + self._soft("with " + " and ".join(words[2:])))
            return
        name = message["event"]
        own = " ".join(words[1 + len(name.split()) :])
        if "duration_ms" in message["properties"]:
            own += f"  ({message['properties']['duration_ms'] / 1000:.1f} s)"
        sequence = message["properties"]["sequence"]
        row = f"      {sequence:>2} {MARKS.get(name, '·')} {name:20}"
        self.say(f"{row} {self._soft(own)}" if own else row.rstrip())

    def funnel(self, metrics: Metrics, messages: list[dict]) -> bool:
        """False if metrics and events do not tell the same story."""
        self.heading("The funnel")
        names = [message["event"] for message in messages if message["type"] == "track"]
        started = metrics.sum("authflow_flows_started_total")
        rows = [("started", started, names.count("CLI Auth Started"))]
        rows += [(step, metrics.sum("authflow_steps_entered_total", step=step), None) for step in STEPS]
        for outcome in ("completed", "aborted", "failed"):
            count = metrics.sum("authflow_flows_finished_total", outcome=outcome)
            rows.append((outcome, count, names.count(f"CLI Auth {outcome.capitalize()}")))
        self.say(f"   {'':18} metrics  events")
        for name, count, seen in rows:
            bar = "█" * round(20 * count / max(started, 1))
            text = "" if seen is None else f"{seen}"
            self.say(f"   {name:18} {int(count):>7} {text:>7}   {self._paint('36', bar)}".rstrip())
            for why in self._why(name, metrics):
                self.say(self._soft(f"      {why}"))
        active = metrics.sum("authflow_active_flows")
        ends = sum(count for _, count, _ in rows[-3:])
        self.say(f"\n   {int(started)} started = {int(ends)} ended + {int(active)} still open")
        return started == ends + active and all(seen is None or seen == count for _, count, seen in rows)

    def _why(self, outcome: str, metrics: Metrics) -> list[str]:
        if outcome not in ("aborted", "failed"):
            return []
        return sorted(
            f"{int(value)} x {labels['reason'] or labels['error_class']} at {labels['step'] or 'the start'}"
            for name, labels, value in metrics.samples
            if name == "authflow_flows_finished_total" and labels["outcome"] == outcome and value
        )

    def verdict(self, count: int, found: list[str], consistent: bool):
        self.say()
        if not found:
            self.say(f"   {self._paint('32', '✔')} These {count} events are those of tests/demo/expected.txt.")
        else:
            self.say(f"   {self._paint('31', '✘')} These are not the events of tests/demo/expected.txt:")
            for row in found:
                self.say(f"     {row}")
        if not consistent:
            self.say(f"   {self._paint('31', '✘')} Metrics and events do not tell the same story.")

    def where_to_look(self, world, folder: Path, keep: bool):
        self.heading("Where to look")
        home = folder / "homes/laptop"
        rows = {
            "events": folder / "received.jsonl",
            "data folder": world.data,
            "profile": home / "config/authflow/profiles/default.json",
            "server's log": world.logs / "authflowd-1.err",
            "configuration": world.config,
        }
        metrics = f"http://{world.http}/metrics" if keep else f"{self._short(folder / 'metrics.txt')} (the last scrape)"
        self.say(f"   {'metrics':14} {metrics}")
        for name, path in rows.items():
            self.say(f"   {name:14} {self._short(path)}")
        if keep:
            self.say(f"\n   Everything is still running: kill {os.getpid()} ends it.")
            self.say(f"   Try it: AUTHFLOW_SERVER={world.grpc} AUTHFLOW_PRODUCT=acme {self._short(AUTHFLOW)} login")
            self.say("   (people: alice@example.com / correct horse, bob@example.com / battery staple)")
        else:
            self.say("\n   Everything is stopped again (--keep leaves it running).")

    def failed(self, text: str, folder: Path):
        self.say(f"\n   {self._paint('31', '✘')} {text}")
        self.say(f"\ndemo: failed; the logs are in {self._short(folder / 'logs')}.")


def _shortened(line: str, limit: int = 100) -> str:
    return line if len(line) <= limit else line[: limit - 1] + "…"
