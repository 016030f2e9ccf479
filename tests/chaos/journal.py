"""What a client asked for and what it was told, a JSON line each: the one thing that the checker believes of clients."""

import json
import os
import threading
import time


class Journal:
    """Thread-safe. The order of the lines is the order in which things were asked and told."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()

    def ask(self, what: str, **fields):
        """Before something is sent. It is in the file when the process dies; only told things must survive more."""
        self._write(what, fields, sync=False)

    def told(self, what: str, **fields):
        """On the disk when this returns: before anything is done about it."""
        self._write(what, fields, sync=True)

    def _write(self, what: str, fields: dict, sync: bool):
        line = json.dumps({"at": round(time.time(), 4), "what": what, **fields}) + "\n"
        with self._lock:
            os.write(self._file, line.encode())
            if sync:
                os.fdatasync(self._file)
