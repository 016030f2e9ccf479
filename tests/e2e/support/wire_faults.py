"""Trouble around a server that runs: its disk, its database, ports."""

import contextlib
import random
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


def free_ports(number: int) -> list[int]:
    """Ports where nobody listens, of those that the kernel gives to nobody who does not ask for one by number."""
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(15000, 32000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [port] if port not in found else []
    return found
