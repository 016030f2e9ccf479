"""Funnel events as a sink gets them: a line each, to compare with a list written by hand, and their shape."""

import json
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"

# Written last by the server: no event's own property may have such a name.
BASE = (
    "invocation_id",
    "app_id",
    "command",
    "flags",
    "sequence",
    "cli_context",
    "version",
    "operating_system",
    "configured_applications",
    "is_ci",
)
# Differ from run to run; their types are checked by the shape.
VARYING = ("duration_ms", "flow_id")


def line(message: dict) -> str:
    """'2 CLI Auth Started flow=login no_browser=false', '- identify email name @user'; @user: it has a userId."""
    user = " @user" if message.get("userId") else ""
    if message["type"] == "identify":
        known = " ".join(name for name in ("email", "name") if name in message["traits"])
        return f"- identify {known}{user}".replace("  ", " ")
    properties = message["properties"]
    own = " ".join(
        f"{name}={_text(value)}" for name, value in properties.items() if name not in BASE and name not in VARYING
    )
    return " ".join(part for part in (str(properties["sequence"]), message["event"], own) if part) + user


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def timeline(messages: list[dict]) -> list[str]:
    return [line(message) for message in messages]


def expected(text: str) -> list[str]:
    """A list written by hand, a line an event; empty lines do not count."""
    return [" ".join(row.split()) for row in text.strip().splitlines() if row.strip()]


def by_invocation(messages: list[dict]) -> dict[str, list[dict]]:
    """Track messages of each invocation, in the order of their arrival. Identifies come after the one before them."""
    groups: dict[str, list[dict]] = defaultdict(list)
    last = {}
    for message in messages:
        if message["type"] == "identify":
            # An identify names no invocation; one lane keeps the order, and one device runs one command at a time.
            groups[last.get(message["anonymousId"], "")].append(message)
            continue
        invocation = message["properties"]["invocation_id"]
        last[message["anonymousId"]] = invocation
        groups[invocation].append(message)
    return dict(groups)


def shape(value):
    if isinstance(value, dict):
        return {name: shape(item) for name, item in sorted(value.items())}
    return type(value).__name__


def _shape_of(message: dict):
    own = {name: value for name, value in message.items() if name != "userId"}
    if "properties" in own:
        own["properties"] = {**own["properties"], "flags": "list or null"}
    return shape(own)


def shape_problem(message: dict) -> str:
    """'' if tests/golden has a message of this event with the same fields and types."""
    candidates = []
    for path in sorted(GOLDEN.glob("*.json")):
        golden = json.loads(path.read_text())
        if golden["type"] == message["type"] and golden.get("event") == message.get("event"):
            candidates.append(golden)
    flags = message.get("properties", {}).get("flags")
    if flags is not None and not (isinstance(flags, list) and all(isinstance(flag, str) for flag in flags)):
        return f"flags is neither null nor a list of names: {flags!r}"
    if any(_shape_of(golden) == _shape_of(message) for golden in candidates):
        return ""
    return f"no file in tests/golden has the shape of {json.dumps(message)}"


def problems(messages: list[dict]) -> list[str]:
    """What is wrong with any funnel, whatever it is about; empty: nothing."""
    found = [problem for message in messages if (problem := shape_problem(message))]
    for invocation, group in by_invocation(messages).items():
        if not invocation:
            found.append("an identify comes before any event of its device")
            continue
        numbers = [message["properties"]["sequence"] for message in group if message["type"] == "track"]
        if numbers != list(range(1, len(numbers) + 1)):
            found.append(f"invocation {invocation} has the sequence {numbers}")
        common = {
            json.dumps({name: message["properties"][name] for name in BASE if name != "sequence"})
            for message in group
            if message["type"] == "track"
        }
        if len(common) > 1:
            found.append(f"invocation {invocation} changes its base properties: {sorted(common)}")
    started = defaultdict(int)
    ended = defaultdict(int)
    for message in messages:
        flow = message.get("properties", {}).get("flow_id")
        if flow:
            (started if message["event"] == "CLI Auth Started" else ended)[flow] += 1
    for flow in started.keys() | ended.keys():
        if (started[flow], ended[flow]) != (1, 1):
            found.append(f"flow {flow} has {started[flow]} starts and {ended[flow]} ends")
    return found
