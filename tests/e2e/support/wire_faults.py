"""Trouble around a server that runs: its disk, its database, ports."""

import contextlib
import resource
import socket
import sqlite3


@contextlib.contextmanager
def full_disk(world):
    """The server's process may write no further byte to any file: EFBIG, as a quota that is used up."""
    pid = world.server.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def locked(world):
    """Another program holds the database's write lock."""
    with contextlib.closing(sqlite3.connect(world.data / "authflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def closed_port() -> int:
    """A port where nobody listened a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
