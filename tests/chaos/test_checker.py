"""The checker finds each kind of violation as that kind, and nothing in a log without any."""

import copy
import json

import checker
import pytest

FLOW, INVOCATION, PERSON = "flow-1", "invocation-1", "person-1"
ABOUT = {"invocation": INVOCATION, "anonymous": PERSON, "claimed": "", "product": "odd", "kind": "login", "tracked": True}


def track(sequence: int, event: str, **own) -> dict:
    return {
        "type": "track",
        "messageId": f"id of {event}",
        "anonymousId": PERSON,
        "event": event,
        "timestamp": "1970-01-01T00:16:40.000Z",
        "properties": {**own, "invocation_id": INVOCATION, "sequence": sequence},
    }


class Log:
    """What one client wrote down and what the sink accepted: a login that went well, until a test changes it."""

    def __init__(self):
        command = {"invocation": INVOCATION, "anonymous": PERSON}
        self.lines = [
            {"what": "ask_command", **command},
            {"what": "command", **command},
            {"what": "ask_start", **ABOUT},
            {"what": "started", "flow": FLOW, "start": 1000.0, **ABOUT},
            {"what": "watching", "flow": FLOW, "stream": 1},
            {"what": "ask_step", "flow": FLOW, "step": "browser_wait"},
            {"what": "step", "flow": FLOW, "asked": "browser_wait", "tries": 1, "step": "browser_wait", "attempt": 1},
            {"what": "ask_exchange", "flow": FLOW},
            {"what": "exchanged", "flow": FLOW, "user": "user-1", "tries": 1},
            {"what": "ask_step", "flow": FLOW, "step": "profile_configure"},
            {"what": "step", "flow": FLOW, "asked": "profile_configure", "tries": 1, "step": "profile_configure",
             "attempt": 1},
            {"what": "ask_finish", "flow": FLOW, "outcome": "completed"},
            {"what": "outcome", "flow": FLOW, "outcome": "completed", "by": "finish", "step": "profile_configure",
             "attempt": 1},
            {"what": "ask_command_end", "exit_code": 0, **command},
            {"what": "command_end", "exit_code": 0, **command},
        ]
        self.messages = [
            track(1, "Command Invoked"),
            track(2, "CLI Auth Started", flow_id=FLOW, flow="login", no_browser=False),
            {"type": "identify", "messageId": "id of identify", "anonymousId": PERSON, "userId": "user-1", "traits": {}},
            track(3, "CLI Auth Completed", flow_id=FLOW, flow="login", duration_ms=5),
            track(4, "Command Completed", succeeded=True, exit_code=0, duration_ms=9),
        ]

    def line(self, what: str) -> dict:
        """The last of its kind."""
        return [line for line in self.lines if line["what"] == what][-1]

    def message(self, name: str) -> dict:
        return next(message for message in self.messages if message.get("event", message["type"]) == name)

    def forget(self, *whats: str):
        self.lines = [line for line in self.lines if line["what"] not in whats]

    def drop(self, *names: str):
        """Never happened: the numbers have no gap."""
        for name in names:
            self.messages.remove(self.message(name))
        self.renumber()

    def renumber(self):
        tracks = [message for message in self.messages if message["type"] == "track"]
        for number, message in enumerate(tracks, 1):
            message["properties"]["sequence"] = number

    def end_instead(self, event: str, **own):
        at = self.messages.index(self.message("CLI Auth Completed"))
        self.messages[at] = track(3, event, flow_id=FLOW, flow="login", **own)

    def again(self, name: str, **changes) -> dict:
        """A second one of that message, with the next number."""
        other = copy.deepcopy(self.message(name)) | changes
        other["properties"]["sequence"] = 5
        self.messages.append(other)
        return other


def started_twice(log: Log):
    log.again("CLI Auth Started", messageId="another id")["properties"]["no_browser"] = True
    move(log, -1, 2)


def move(log: Log, at: int, to: int):
    log.messages.insert(to, log.messages.pop(at))
    log.renumber()


def started_missing(log: Log):
    log.drop("CLI Auth Started")
    # Nobody was told of it either.
    log.forget("started", "step", "exchanged", "outcome")


def terminal_twice(log: Log):
    log.again("CLI Auth Completed", messageId="another id")["properties"]["duration_ms"] = 6
    move(log, -1, 4)


def terminal_missing(log: Log):
    log.drop("CLI Auth Completed")
    log.forget("outcome")


def outcome_contradicted(log: Log):
    log.end_instead("CLI Auth Aborted", step="profile_configure", reason="expired")


def clients_contradict_each_other(log: Log):
    log.lines.append({"what": "outcome", "flow": FLOW, "outcome": "aborted expired", "by": "watch", "watched": True})


def start_was_acknowledged(log: Log):
    log.drop("CLI Auth Started", "CLI Auth Completed")
    log.forget("outcome")


def end_was_acknowledged(log: Log):
    log.drop("CLI Auth Completed")


def identify_was_acknowledged(log: Log):
    log.drop("identify")


def command_was_acknowledged(log: Log):
    log.drop("Command Invoked")


def command_end_was_acknowledged(log: Log):
    log.drop("Command Completed")


def sequence_gap(log: Log):
    log.message("Command Completed")["properties"]["sequence"] = 5


def sequence_shared(log: Log):
    log.message("Command Completed")["properties"]["sequence"] = 3


def out_of_order(log: Log):
    log.messages[0], log.messages[1] = log.messages[1], log.messages[0]


def step_too_early(log: Log):
    log.forget("outcome")
    log.end_instead("CLI Auth Aborted", step="browser_wait", reason="client_lost")


def step_too_late(log: Log):
    log.lines = log.lines[:9]
    log.drop("Command Completed")
    log.end_instead("CLI Auth Aborted", step="app_select", reason="client_lost")


def duplicate(log: Log):
    other = copy.deepcopy(log.message("identify")) | {"messageId": "another id"}
    log.messages.insert(3, other)


def redelivered_changed(log: Log):
    other = copy.deepcopy(log.message("Command Invoked"))
    other["properties"]["version"] = "2"
    log.messages.append(other)


def end_redelivered_changed(log: Log):
    """A second end under the one id that ends have."""
    other = copy.deepcopy(log.message("CLI Auth Completed"))
    other["properties"]["duration_ms"] = 6
    log.messages.append(other)


def event_after_the_end(log: Log):
    log.messages[1], log.messages[3] = log.messages[3], log.messages[1]
    log.renumber()


def identify_after_the_end(log: Log):
    log.messages[2], log.messages[3] = log.messages[3], log.messages[2]


def lost_while_watched(log: Log):
    log.forget("ask_finish", "outcome")
    log.lines.append(
        {"what": "outcome", "flow": FLOW, "outcome": "aborted client_lost", "by": "watch", "watched": True, "stream": 1}
    )
    log.end_instead("CLI Auth Aborted", step="profile_configure", reason="client_lost")


def end_that_nobody_asked_for(log: Log):
    log.forget("ask_finish", "outcome")


def flow_that_nobody_asked_for(log: Log):
    log.lines = [line for line in log.lines if "command" in line["what"]]


def event_of_a_person_who_opted_out(log: Log):
    log.lines = [{"what": "ask_start", **ABOUT, "anonymous": "", "tracked": False}]
    log.messages = log.messages[:1]


def event_of_a_reauthentication(log: Log):
    log.line("started")["kind"] = log.line("ask_start")["kind"] = "reauthentication"


def contradiction(log: Log):
    log.lines.append({"what": "contradiction", "flow": FLOW, "call": "StartFlow", "said": "another token"})


VIOLATIONS = [
    ("started_twice", started_twice),
    ("started_missing", started_missing),
    ("terminal_twice", terminal_twice),
    ("terminal_twice", end_redelivered_changed),
    ("terminal_missing", terminal_missing),
    ("outcome_contradicted", outcome_contradicted),
    ("outcome_contradicted", clients_contradict_each_other),
    ("acknowledged_missing", start_was_acknowledged),
    ("acknowledged_missing", end_was_acknowledged),
    ("acknowledged_missing", identify_was_acknowledged),
    ("acknowledged_missing", command_was_acknowledged),
    ("acknowledged_missing", command_end_was_acknowledged),
    ("sequence_gap", sequence_gap),
    ("sequence_gap", sequence_shared),
    ("out_of_order", out_of_order),
    ("step_wrong", step_too_early),
    ("step_wrong", step_too_late),
    ("duplicate", duplicate),
    ("redelivered_changed", redelivered_changed),
    ("after_the_end", event_after_the_end),
    ("after_the_end", identify_after_the_end),
    ("lost_while_watched", lost_while_watched),
    ("unexpected", end_that_nobody_asked_for),
    ("unexpected", flow_that_nobody_asked_for),
    ("unexpected", event_of_a_person_who_opted_out),
    ("unexpected", event_of_a_reauthentication),
    ("contradiction", contradiction),
]
# What cannot be without another.
TOGETHER = {
    "start_was_acknowledged": {"terminal_missing"},
}


@pytest.fixture
def kinds(tmp_path):
    def found(log: Log, **how) -> set[str]:
        clients = tmp_path / "clients"
        clients.mkdir(exist_ok=True)
        lines = [json.dumps({"at": 1000.0, **line}) for line in log.lines]
        (clients / "client-1.jsonl").write_text("".join(line + "\n" for line in lines) + '{"at": 1, "wha')
        raws = [json.dumps({"batch": 1, "raw": json.dumps(message)}) for message in log.messages]
        (tmp_path / "received.jsonl").write_text("".join(raw + "\n" for raw in raws))
        verdict = checker.check(clients, tmp_path / "received.jsonl", **how)
        return {violation.kind for violation in verdict.violations}

    return found


def test_a_clean_log_has_no_violation(kinds):
    assert kinds(Log()) == set()


@pytest.mark.parametrize(("kind", "change"), VIOLATIONS, ids=[change.__name__ for _, change in VIOLATIONS])
def test_a_violation_is_found_as_its_kind(kinds, kind, change):
    log = Log()
    change(log)
    assert kinds(log) - TOGETHER.get(change.__name__, set()) == {kind}


def test_each_kind_has_a_log():
    assert {kind for kind, _ in VIOLATIONS} == set(checker.KINDS)


def test_what_was_sent_twice_is_no_violation(kinds):
    log = Log()
    log.messages = log.messages[:3] + log.messages
    assert kinds(log) == set()


def test_an_end_that_a_dead_client_was_not_told_is_no_violation(kinds):
    log = Log()
    log.lines = log.lines[:-4]
    log.end_instead("CLI Auth Aborted", step="profile_configure", reason="client_lost")
    log.drop("Command Completed")
    assert kinds(log) == set()


def test_a_step_that_was_asked_for_and_not_acknowledged_may_be_the_last(kinds):
    log = Log()
    log.lines = log.lines[:10]
    log.end_instead("CLI Auth Aborted", step="profile_configure", reason="expired")
    log.drop("Command Completed")
    assert kinds(log) == set()


def test_a_flow_needs_no_end_before_its_time_is_up(kinds):
    log = Log()
    terminal_missing(log)
    assert kinds(log, as_of=1030.0) == set()
    assert kinds(log, as_of=1100.0) == {"terminal_missing"}
