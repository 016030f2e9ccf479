#!/usr/bin/python3
"""Compares the events that arrived with the list written by hand: check.py RECEIVED [EXPECTED]. Exit code 1: they differ.

RECEIVED is the receiver's file, or messages alone, a JSON object a line.
"""

import difflib
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from support import events  # noqa: E402

EXPECTED = HERE / "expected.txt"


def read_messages(path: Path) -> list[dict]:
    rows = [json.loads(row) for row in path.read_text().splitlines() if row.strip()]
    return [row.get("message", row) for row in rows]


def invocations(messages: list[dict]) -> list[tuple[str, list[dict]]]:
    """(command, its messages), in the order in which the commands were given."""
    groups = events.by_invocation(messages).values()
    ordered = sorted(groups, key=lambda group: group[0]["timestamp"])
    return [(group[0].get("properties", {}).get("command", "no command"), group) for group in ordered]


def as_text(messages: list[dict]) -> list[str]:
    lines = []
    for command, group in invocations(messages):
        lines.append(command)
        lines += ["  " + row for row in events.timeline(group)]
    return lines


def expected(path: Path = EXPECTED) -> list[str]:
    return [row.rstrip() for row in path.read_text().splitlines() if row.strip() and not row.startswith("#")]


def differences(messages: list[dict], wanted: list[str]) -> list[str]:
    """A line for each; empty: none."""
    rows = difflib.unified_diff(wanted, as_text(messages), "expected", "received", n=1, lineterm="")
    return list(rows) + events.problems(messages)


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        print("usage: check.py RECEIVED [EXPECTED]", file=sys.stderr)
        return 2
    try:
        messages = read_messages(Path(arguments[0]))
        wanted = expected(Path(arguments[1])) if len(arguments) > 1 else expected()
    except (OSError, ValueError) as error:
        print(f"check: {arguments[0]} cannot be read: {error}", file=sys.stderr)
        return 2
    found = differences(messages, wanted)
    if found:
        print("The events are not those of the list:")
        print("\n".join("  " + row for row in found))
        return 1
    print(f"The {len(messages)} events are those of the list.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
