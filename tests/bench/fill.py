"""A data folder with many ended flows, as if authflowd had served them: for benchmarks of a store that has grown.

    fill.ended(bin_folder, folder, config, flows)      # then support.Authflowd(bin_folder, folder, config), as usual

`folder` has no data yet; `config` is the configuration with one product, whose sink delivers. First a few real flows are
started, stepped and cancelled by RPCs, and their events delivered. Then their rows are copied through SQL, in the order in
which a server would have written them: with new ids, made of the time like real ones, and with times spread over the
last DAYS days (pruning begins after 30). What the samples added to the totals and to the outbox's numbers is
multiplied, and the samples themselves are taken out. What is not there is the sink's file.

A million flows take about a minute, and 0.7 GB.
"""

import os
import random
import re
import signal
import sqlite3
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path

import support

SAMPLES = 64
DAYS = 20
DAY = 86_400 * 1_000_000  # times are microseconds since 1970
TOGETHER = 64  # flows that are live at one time: so far apart are the rows of a flow
COMMIT = 100_000


def ended(bin_folder: Path, folder: Path, config: str, flows: int):
    _serve_samples(bin_folder, folder, config)
    with closing(sqlite3.connect(folder / "data/authflow.db", isolation_level=None)) as database:
        samples = _read_samples(database)
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -200000")
        database.execute("BEGIN")
        for table in samples[0].tables:
            database.execute(f"DELETE FROM {table.name}")
        _copy(database, samples, flows)
        database.execute("UPDATE totals SET value = value / ? * ?", (SAMPLES, flows))
        database.execute("UPDATE sqlite_sequence SET seq = seq / ? * ?", (SAMPLES, flows))
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
    with (folder / "data/authflow.db").open("rb") as file:
        os.fsync(file.fileno())


def _serve_samples(bin_folder: Path, folder: Path, config: str):
    product = re.search(r'products \{\s*id: "([^"]+)"', config)[1]
    tokens = folder / "sample_tokens"
    server = support.Authflowd(bin_folder, folder, config)
    support.load(bin_folder, "start", server.address, product, SAMPLES, 16, tokens)
    support.load(bin_folder, "step", server.address, tokens, 0, SAMPLES, 16)
    support.load(bin_folder, "finish", server.address, tokens, 0, SAMPLES, 16)
    tokens.unlink()
    server.wait_until_delivered()
    server.end(signal.SIGTERM)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _numbers(message: bytes) -> list[tuple[int, int, int]]:
    """The varint fields of a protobuf message: first byte, end, value."""

    def read(at: int) -> tuple[int, int]:
        value = shift = 0
        while message[at] & 0x80:
            value |= (message[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        return value | message[at] << shift, at + 1

    found, at = [], 0
    while at < len(message):
        tag, at = read(at)
        if tag & 7 == 0:
            value, end = read(at)
            found.append((at, end, value))
            at = end
        elif tag & 7 == 2:
            length, at = read(at)
            at += length
        else:
            at += {1: 8, 5: 4}[tag & 7]
    return found


class _Bytes:
    """An id or a message of a sample, to be written again for another flow."""

    def __init__(self, sample: bytes, start: int, ids: list[bytes]):
        marks = []
        for which, old in enumerate(ids):
            at = sample.find(old)
            if at >= 0:
                marks.append((at, at + len(old), which, None))
        if sample not in ids:
            numbers = [(begun, end, value - start) for begun, end, value in _numbers(sample)]
            marks += [(begun, end, None, after) for begun, end, after in numbers if abs(after) < DAY]
        self.parts, at = [], 0
        for begun, end, which, after in sorted(marks, key=lambda mark: mark[0]):
            self.parts.append((sample[at:begun], which, after))
            at = end
        self.rest = sample[at:]

    def written(self, start: int, ids: list[bytes]) -> bytes:
        out = b""
        for before, which, after in self.parts:
            out += before + (_varint(start + after) if which is None else ids[which])
        return out + self.rest


class _Table:
    """The rows that one flow has in a table, oldest first."""

    def __init__(self, database: sqlite3.Connection, name: str, key: str, start: int, ids: list[bytes]):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})") if row[1] != "id"]
        names = ", ".join(columns)
        self.name = name
        self.insert = f"INSERT INTO {name} ({names}) VALUES ({', '.join('?' * len(columns))})"
        # Of each row: its values, and where a random tag, times (so long after the start) and bytes stand.
        self.rows = []
        for row in database.execute(f"SELECT {names} FROM {name} WHERE {key} IN (?, ?) ORDER BY id", ids[:2]):
            tags = [at for at, column in enumerate(columns) if column == "writer"]
            numbers = [(at, value - start) for at, value in enumerate(row) if isinstance(value, int) and at not in tags]
            times = [(at, after) for at, after in numbers if abs(after) < DAY]
            texts = [(at, _Bytes(value, start, ids)) for at, value in enumerate(row) if isinstance(value, bytes)]
            self.rows.append((list(row), tags, times, texts))

    def written(self, row: int, start: int, ids: list[bytes]) -> list:
        sample, tags, times, texts = self.rows[row]
        values = sample.copy()
        for at in tags:
            values[at] = random.getrandbits(64) - 2**63
        for at, after in times:
            values[at] = start + after
        for at, text in texts:
            values[at] = text.written(start, ids)
        return values


class _Sample:
    """A flow whose rows are copied."""

    def __init__(self, database: sqlite3.Connection, start: int, flow_id: bytes, invocation_id: bytes):
        ids = _forms(flow_id, invocation_id)
        log = _Table(database, "log", "flow_id", start, ids)
        self.tables = [log, _Table(database, "invocations", "invocation_id", start, ids)]


def _forms(flow_id: bytes, invocation_id: bytes) -> list[bytes]:
    """How ids stand in rows: as bytes, and in messages as text."""
    return [flow_id, invocation_id, str(uuid.UUID(bytes=invocation_id)).encode()]


def _read_samples(database: sqlite3.Connection) -> list[_Sample]:
    for table in ("outbox", "open_flows"):
        if database.execute(f"SELECT count(*) FROM {table}").fetchone() != (0,):
            sys.exit(f"bench: the sample flows left rows in {table}")
    found = database.execute(
        "SELECT log.time, flow_id, invocation_id FROM log JOIN invocations ON instr(payload, invocation_id) WHERE n = 1"
    ).fetchall()
    if len(found) != SAMPLES:
        sys.exit(f"bench: {len(found)} sample flows are in the database, not {SAMPLES}")
    return [_Sample(database, *sample) for sample in found]


def _new_id(start: int, version: int) -> bytes:
    """Milliseconds, then random bits (RFC 9562 5.7): neighbours in time are neighbours in an index."""
    bits = start // 1000 << 80 | random.getrandbits(80)
    bits = bits & ~(0xF << 76) | version << 76
    return (bits & ~(0x3 << 62) | 0x2 << 62).to_bytes(16, "big")


def _copy(database: sqlite3.Connection, samples: list[_Sample], flows: int):
    last = time.time_ns() // 1000
    first = last - DAYS * DAY
    for begun in range(0, flows, TOGETHER):
        together = []
        for flow in range(begun, min(begun + TOGETHER, flows)):
            start = first + (last - first) * flow // flows
            ids = _forms(_new_id(start, 8), _new_id(start, 7))
            together.append((samples[flow % SAMPLES].tables, start, ids))
        for which, table in enumerate(samples[0].tables):
            for row in range(len(table.rows)):
                written = [tables[which].written(row, start, ids) for tables, start, ids in together]
                database.executemany(table.insert, written)
        if begun // COMMIT != (begun + TOGETHER) // COMMIT:
            database.execute("COMMIT")
            database.execute("BEGIN")
