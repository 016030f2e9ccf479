#!/usr/bin/python3
"""What must be so, whatever died: checker.py CLIENTS-FOLDER RECEIVED-FILE.

Reads only what clients wrote down (journal.py: what they asked for and were told) and what the sink accepted. Shares no
code with the server, and none with the clients. README.md says what each kind of violation means.
"""

import argparse
import collections
import datetime
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

KINDS = {
    "started_twice": "a flow has two starts",
    "started_missing": "a flow has an end and no start",
    "terminal_twice": "a flow has two ends",
    "terminal_missing": "a flow that began has no end",
    "outcome_contradicted": "a client was told another end than the sink, or another client",
    "acknowledged_missing": "a client was told that something is recorded, and it is not there",
    "sequence_gap": "the numbers of an invocation are not 1, 2, 3, ...",
    "out_of_order": "a later event of an invocation arrived before an earlier one",
    "step_wrong": "a flow ended at a step where the person cannot have been",
    "duplicate": "one event under two messageIds",
    "redelivered_changed": "a messageId came again with other content",
    "after_the_end": "an event of a flow comes after its end",
    "lost_while_watched": "a flow ended as client_lost while its client was there and listening",
    "unexpected": "an event that nobody asked for",
    "contradiction": "a repeated call was answered differently",
}

STARTED = "CLI Auth Started"
ENDS = {"CLI Auth Completed": "completed", "CLI Auth Aborted": "aborted", "CLI Auth Failed": "failed"}
PLACES = {
    "": 0,
    "browser_wait": 1,
    "code_exchange": 2,
    "apps_fetch": 3,
    "app_select": 4,
    "app_create": 4,
    "profile_configure": 5,
}
# How late an end may come that comes by itself.
LATE = 8.0


@dataclass(frozen=True)
class Violation:
    kind: str
    subject: str
    detail: str

    def __str__(self):
        return f"{self.kind}: {self.subject}: {self.detail}"


@dataclass
class Limits:
    """Of the server's configuration, seconds."""

    expiry: float = 60
    browser_wait: float = 8


@dataclass
class Told:
    """What clients know of one flow."""

    flow: str
    about: dict = field(default_factory=dict)  # of ask_start; empty: the answer never came
    started: bool = False
    start: float = 0.0
    last: float = 0.0
    outcomes: dict[str, str] = field(default_factory=dict)  # how it ended -> who said so
    ends_asked: set[str] = field(default_factory=set)
    position: tuple[int, int] = (0, 0)  # attempt, place: at least
    step: str = ""
    # Steps that were asked for and may have been entered since.
    pending: dict[str, bool] = field(default_factory=dict)
    exchange_asked: bool = False
    user: str | None = None  # "?": somebody
    lost_while_watched: bool = False
    asks_known: bool = True

    def reached(self, step: str, attempt: int | None = None):
        position = (attempt or max(self.position[0], 1), PLACES[step])
        if position >= self.position:
            self.position, self.step = position, step


@dataclass
class Event:
    order: int  # of its first arrival
    message: dict
    raws: list[str]

    @property
    def properties(self) -> dict:
        return self.message.get("properties", {})

    @property
    def name(self) -> str:
        return self.message.get("event", self.message["type"])

    @property
    def sequence(self) -> int:
        return self.properties.get("sequence", 0)

    @property
    def outcome(self) -> str:
        how = ENDS[self.name]
        detail = {"aborted": "reason", "failed": "error_class"}.get(how)
        return f"{how} {self.properties[detail]}" if detail else how

    @property
    def time(self) -> float:
        return datetime.datetime.fromisoformat(self.message["timestamp"].replace("Z", "+00:00")).timestamp()


class Clients:
    """All journals."""

    def __init__(self, folder: Path):
        self.flows: dict[str, Told] = {}
        self.started_by: dict[str, dict] = {}  # anonymous id -> ask_start
        self.commands: dict[str, str] = {}  # anonymous id -> invocation; told
        self.commands_ended: dict[str, int | None] = {}  # anonymous id -> exit code, if known; told
        self.untracked: set[str] = set()  # invocations
        self.contradictions: list[dict] = []
        for path in sorted(folder.glob("*.jsonl")):
            for line in path.read_bytes().split(b"\n")[:-1]:  # what has no line end was cut by a kill
                self._read(json.loads(line))

    def _read(self, record: dict):
        what = record["what"]
        if handler := getattr(self, "_" + what, None):
            handler(record)
        if name := record.get("flow"):
            told = self._flow(name)
            told.last = max(told.last, record["at"])

    def _flow(self, flow: str) -> Told:
        return self.flows.setdefault(flow, Told(flow))

    def _ask_start(self, record):
        if record["tracked"]:
            self.started_by[record["anonymous"]] = record
        else:
            self.untracked.add(record["invocation"])

    def _started(self, record):
        told = self._flow(record["flow"])
        told.started, told.about, told.start = True, record, record.get("start", record["at"])
        told.asks_known = record.get("asks_known", True)

    def _ask_step(self, record):
        self._flow(record["flow"]).pending[record["step"]] = True

    def _step(self, record):
        told = self._flow(record["flow"])
        # An earlier try may still come through.
        if record.get("tries", 1) == 1:
            told.pending.pop(record.get("asked"), None)
        told.reached(record["step"], record.get("attempt"))

    def _ask_exchange(self, record):
        told = self._flow(record["flow"])
        told.exchange_asked = True
        told.pending["code_exchange"] = True

    def _exchanged(self, record):
        told = self._flow(record["flow"])
        told.user = record["user"]
        told.reached("code_exchange")

    def _ask_list(self, record):
        self._flow(record["flow"]).pending["apps_fetch"] = True

    def _listed(self, record):
        self._flow(record["flow"]).reached("apps_fetch")

    def _refused(self, record):
        if record["reason"] == "DENIED":
            self._flow(record["flow"]).outcomes["aborted denied"] = "ExchangeCode"

    def _ask_finish(self, record):
        self._flow(record["flow"]).ends_asked.add(record["outcome"])

    def _outcome(self, record):
        told = self._flow(record["flow"])
        told.outcomes.setdefault(record["outcome"], record["by"])
        if "step" in record:
            told.reached(record["step"], record.get("attempt"))
        if record["by"] == "watch" and record.get("watched") and record["outcome"] == "aborted client_lost":
            told.lost_while_watched = True

    def _command(self, record):
        self.commands[record["anonymous"]] = record["invocation"]

    def _command_end(self, record):
        self.commands_ended[record["anonymous"]] = record["exit_code"]

    def _contradiction(self, record):
        self.contradictions.append(record)


class Received:
    """All that the sink accepted, each messageId once."""

    def __init__(self, path: Path):
        self.events: dict[str, Event] = {}
        self.messages = 0
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        for order, line in enumerate(lines):
            raw = json.loads(line)["raw"]
            self.messages += 1
            message = json.loads(raw)
            event = self.events.setdefault(message["messageId"], Event(order, message, []))
            if raw not in event.raws:
                event.raws.append(raw)
        self.by_flow: dict[str, list[Event]] = collections.defaultdict(list)
        self.by_invocation: dict[str, list[Event]] = collections.defaultdict(list)
        self.by_person: dict[str, list[Event]] = collections.defaultdict(list)
        for event in self.events.values():
            self.by_person[event.message["anonymousId"]].append(event)
            if invocation := event.properties.get("invocation_id"):
                self.by_invocation[invocation].append(event)
            if flow := event.properties.get("flow_id"):
                self.by_flow[flow].append(event)


class Check:
    def __init__(self, clients: Clients, received: Received, limits: Limits, as_of: float | None):
        self.clients, self.received, self.limits, self.as_of = clients, received, limits, as_of
        self.violations: list[Violation] = []
        self.outcomes: collections.Counter = collections.Counter()

    def say(self, kind: str, subject: str, detail: str):
        assert kind in KINDS
        self.violations.append(Violation(kind, subject, detail))

    def run(self):
        for flow in self.received.by_flow.keys() | self.clients.flows.keys():
            self._flow(flow, self.clients.flows.get(flow, Told(flow)), self.received.by_flow.get(flow, []))
        for invocation, events in self.received.by_invocation.items():
            self._invocation(invocation, sorted(events, key=lambda event: event.order))
        for event in self.received.events.values():
            self._redeliveries(event)
        self._twins()
        self._commands()
        for record in self.clients.contradictions:
            self.say("contradiction", record["flow"], f"{record['call']}: {record['said']}")

    # Flows.

    def _flow(self, flow: str, told: Told, events: list[Event]):
        if told.lost_while_watched:
            self.say("lost_while_watched", flow, "an open watch was told client_lost")
        if len(told.outcomes) > 1:
            self.say("outcome_contradicted", flow, f"clients were told {told.outcomes}")
        silent = told.about.get("tracked") is False or told.about.get("kind") == "reauthentication"
        if silent:
            if events:
                self.say("unexpected", flow, f"a flow that is not recorded has {events[0].name}")
            return
        starts = [event for event in events if event.name == STARTED]
        ends = [event for event in events if event.name in ENDS]
        self._start(flow, told, starts, ends)
        self._end(flow, told, starts, ends)
        self._identify(flow, told)
        if not told.about and events:
            self._nobody_was_told(flow, events)

    def _start(self, flow: str, told: Told, starts: list[Event], ends: list[Event]):
        if len(starts) > 1 or any(len(event.raws) > 1 for event in starts):
            self.say("started_twice", flow, f"{[raw for event in starts for raw in event.raws]}")
        if starts:
            return
        if told.started:
            self.say("acknowledged_missing", flow, "StartFlow was answered, and there is no start")
        elif ends:
            self.say("started_missing", flow, f"there is {ends[0].name} alone")

    def _end(self, flow: str, told: Told, starts: list[Event], ends: list[Event]):
        if len(ends) > 1 or any(len(event.raws) > 1 for event in ends):
            self.say("terminal_twice", flow, f"{[raw for event in ends for raw in event.raws]}")
        if not ends:
            if told.outcomes:
                self.say("acknowledged_missing", flow, f"clients were told {told.outcomes}, and there is no end")
            elif (starts or told.started) and self._overdue(told, starts):
                self.say("terminal_missing", flow, "it never ended")
            return
        end = ends[0]
        self.outcomes[end.outcome] += 1
        for outcome, by in told.outcomes.items():
            if outcome != end.outcome:
                self.say("outcome_contradicted", flow, f"{by} said {outcome}, the sink has {end.outcome}")
        self._asked(flow, told, end)
        self._step(flow, told, end)
        for event in self.received.by_flow[flow]:
            late = event.sequence > end.sequence or event.order > end.order
            if late and event.name not in ENDS:
                self.say("after_the_end", flow, f"{event.name} comes after {end.name}")

    def _overdue(self, told: Told, starts: list[Event]) -> bool:
        if self.as_of is None:
            return True
        began = told.start or starts[0].time
        if told.exchange_asked or not told.asks_known:
            due = began + self.limits.expiry
        else:
            due = min(max(began, told.last) + self.limits.browser_wait, began + self.limits.expiry)
        return self.as_of > due + LATE

    def _asked(self, flow: str, told: Told, end: Event):
        """Some ends are only a client's to ask for."""
        if not told.asks_known or not told.about:
            return
        clients_own = end.outcome in ("completed", "aborted user_cancelled") or end.outcome.startswith("failed CLIENT_")
        if clients_own and end.outcome not in told.ends_asked:
            # "The refusal you gave me", where there was none.
            if end.outcome != "failed CLIENT_ERROR" or "failed UNSPECIFIED" not in told.ends_asked:
                self.say("unexpected", flow, f"it ended as {end.outcome}, which nobody asked for")
        if end.outcome == "completed" and not told.exchange_asked:
            self.say("unexpected", flow, "it was completed without an exchange")

    def _step(self, flow: str, told: Told, end: Event):
        step = end.properties.get("step")
        if step is None or not told.started:
            return
        if told.asks_known:
            possible = {told.step, *told.pending}
        else:
            possible = {step for step, place in PLACES.items() if place >= told.position[1]}
        if step not in possible:
            self.say("step_wrong", flow, f"it ended at {step!r}; the person was at one of {sorted(possible)}")

    def _identify(self, flow: str, told: Told):
        if told.user is None or told.user == told.about.get("claimed"):
            return
        person = told.about.get("anonymous")
        found = [event for event in self.received.by_person.get(person, []) if event.name == "identify"]
        if not any(told.user in ("?", event.message.get("userId")) for event in found):
            self.say("acknowledged_missing", flow, f"the exchange recognised {told.user}, and there is no identify")
        ends = [event for event in self.received.by_flow.get(flow, []) if event.name in ENDS]
        for event in found:
            if told.about.get("asks_known", True) and ends and event.order > ends[0].order:
                self.say("after_the_end", flow, "its identify comes after its end")

    def _nobody_was_told(self, flow: str, events: list[Event]):
        """The answer of StartFlow was lost, or its client is dead. But somebody must have asked."""
        event = events[0]
        asked = self.clients.started_by.get(event.message["anonymousId"])
        if asked is None or asked.get("kind") == "reauthentication":
            self.say("unexpected", flow, f"nobody asked for {event.name}")

    # Invocations.

    def _invocation(self, invocation: str, events: list[Event]):
        if invocation in self.clients.untracked:
            self.say("unexpected", invocation, f"a person who opted out has {events[0].name}")
        numbers = [event.sequence for event in events]
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            self.say("sequence_gap", invocation, f"{[(event.sequence, event.name) for event in events]}")
        elif numbers != sorted(numbers):
            self.say("out_of_order", invocation, f"arrived as {numbers}")

    def _commands(self):
        for person, invocation in self.clients.commands.items():
            if not self._has(person, "Command Invoked"):
                self.say("acknowledged_missing", invocation, "StartCommand was answered, and there is no Command Invoked")
        for person, exit_code in self.clients.commands_ended.items():
            ended = self._has(person, "Command Completed")
            if not ended:
                self.say("acknowledged_missing", person, "FinishCommand was answered, and there is no Command Completed")
            elif exit_code is not None and ended[0].properties["exit_code"] != exit_code:
                self.say("outcome_contradicted", person, f"exit code {exit_code}: {ended[0].raws}")

    def _has(self, person: str, name: str) -> list[Event]:
        return [event for event in self.received.by_person.get(person, []) if event.name == name]

    # Messages.

    def _redeliveries(self, event: Event):
        # Starts and ends are looked at with their flow.
        if len(event.raws) > 1 and event.name != STARTED and event.name not in ENDS:
            self.say("redelivered_changed", event.message["messageId"], f"{event.raws}")

    def _twins(self):
        seen: dict[str, str] = {}
        for event in self.received.events.values():
            content = json.dumps({**event.message, "messageId": ""}, sort_keys=True)
            if other := seen.get(content):
                self.say("duplicate", event.message["messageId"], f"is {other} once more: {event.raws[0]}")
            seen[content] = event.message["messageId"]
        for person, events in self.received.by_person.items():
            flows = {event.properties["flow_id"] for event in events if "flow_id" in event.properties}
            names = collections.Counter(event.name for event in events)
            for name, most in (("Command Invoked", 1), ("Command Completed", 1), ("identify", max(len(flows), 1))):
                if names[name] > most:
                    self.say("duplicate", person, f"{names[name]} times {name}")


@dataclass
class Verdict:
    violations: list[Violation]
    counts: dict[str, int]

    def by_kind(self) -> collections.Counter:
        return collections.Counter(violation.kind for violation in self.violations)


def check(clients: Path, received: Path, limits: Limits = Limits(), as_of: float | None = None) -> Verdict:
    """`as_of`: when the sink was last looked at; flows that may still be open then need no end. None: all must end."""
    told, arrived = Clients(clients), Received(received)
    work = Check(told, arrived, limits, as_of)
    work.run()
    counts = {
        "flows begun": len(arrived.by_flow.keys() | told.flows.keys()),
        "flows whose client was told of the start": sum(flow.started for flow in told.flows.values()),
        "flows whose end a client was told": sum(bool(flow.outcomes) for flow in told.flows.values()),
        **{f"ended as {outcome}": count for outcome, count in work.outcomes.most_common()},
        "messages at the sink": arrived.messages,
        "of these sent before": arrived.messages - len(arrived.events),
    }
    return Verdict(work.violations, counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", type=Path)
    parser.add_argument("received", type=Path)
    options = parser.parse_args()
    verdict = check(options.clients, options.received)
    for name, count in [*verdict.counts.items(), *verdict.by_kind().items()]:
        print(f"{name:45} {count}")
    for violation in verdict.violations:
        print(violation)
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
