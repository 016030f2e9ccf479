"""The server's database as a test reads it, beside the server or after it."""

import contextlib
import sqlite3
import uuid

# entry_codec.h, from 1.
KINDS = ("started", "attached", "entered", "exchange_begun", "exchanged", "call_failed", "call_ok", "ended")


@contextlib.contextmanager
def database(world, mode: str = "ro"):
    with contextlib.closing(sqlite3.connect(f"file:{world.data / 'authflow.db'}?mode={mode}", uri=True)) as opened:
        yield opened


def rows(world, query: str, *values) -> list[tuple]:
    with database(world) as opened:
        return opened.execute(query, values).fetchall()


def count(world, table: str) -> int:
    return rows(world, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608


def flow_log(world, flow_id: str) -> str:
    """Its entries in order: 'started entered exchange_begun exchanged ended'."""
    found = rows(world, "SELECT n, kind FROM log WHERE flow_id = ? ORDER BY n", uuid.UUID(flow_id).bytes)
    assert [number for number, _ in found] == list(range(1, len(found) + 1)), "the log has a gap"
    return " ".join(KINDS[kind - 1] for _, kind in found)


def prune(world, flow_id: str):
    """What retention does to an old flow; for a server that is stopped."""
    with database(world, "rw") as opened, opened:
        for table in ("log", "open_flows"):
            opened.execute(f"DELETE FROM {table} WHERE flow_id = ?", (uuid.UUID(flow_id).bytes,))  # noqa: S608
