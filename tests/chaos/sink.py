#!/usr/bin/python3
"""A Segment-compatible receiver that is hostile: sink.py --file FILE --faults FILE --seed N [--rate R].

Prints "READY URL". What it accepts is in FILE, a line a message, synced, before anything is answered: with "raw", the
message's bytes as they came. One request in some is met with a fault (--rate, seeded); SIGUSR1 ends that for good.
"""

import argparse
import base64
import gzip
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Name, weight, accepted?
FAULTS = (
    ("500", 3, False),
    ("503", 2, False),
    ("429", 3, False),
    ("429 with Retry-After", 2, False),
    ("408", 1, False),
    ("401", 1, False),
    ("400 for a batch", 1, False),
    ("no answer", 2, False),
    ("reset", 2, False),
    ("accepted, no answer", 4, True),
    ("accepted, reset", 4, True),
    ("accepted, half an answer", 2, True),
    ("accepted, 502", 3, True),
    ("slow", 2, True),
)
_decoder = json.JSONDecoder()


def raw_messages(text: str) -> list[str]:
    """The elements of "batch", untouched."""
    at = text.index('"batch"') + len('"batch"')
    at = text.index("[", at) + 1
    found = []
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return found
        _, end = _decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = end


class Sink:
    def __init__(self, path: str, faults: str, seed: str, rate: float, stall: float):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._faults = os.open(faults, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._random = random.Random(f"{seed}/sink")
        self._lock = threading.Lock()
        self._batches = 0
        self.rate = rate
        self.stall = stall

    def fault(self, messages: int) -> tuple[str, bool]:
        with self._lock:
            if self._random.random() >= self.rate:
                return "", True
            name, _, accepted = self._random.choices(FAULTS, [weight for _, weight, _ in FAULTS])[0]
            # Alone it would be a dead letter, which is another promise.
            if name == "400 for a batch" and messages == 1:
                name = "500"
            os.write(self._faults, (name + "\n").encode())
            return name, accepted

    def accept(self, key: str, messages: list[str], fault: str):
        with self._lock:
            self._batches += 1
            lines = [
                json.dumps({"at": round(time.time(), 4), "batch": self._batches, "key": key, "fault": fault, "raw": raw})
                for raw in messages
            ]
            os.write(self._file, ("\n".join(lines) + "\n").encode())
            os.fdatasync(self._file)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink: Sink

    def log_message(self, *_):
        pass

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        scheme, _, credentials = self.headers.get("authorization", "").partition(" ")
        key = base64.b64decode(credentials).decode().removesuffix(":") if scheme == "Basic" else ""
        if self.path != "/v1/batch" or not key:
            return self.answer(404)
        messages = raw_messages(body.decode())
        fault, accepted = self.sink.fault(len(messages))
        if fault == "slow":
            time.sleep(self.sink.stall / 3)
        if accepted:
            self.sink.accept(key, messages, fault)
        if fault.endswith("no answer"):
            time.sleep(self.sink.stall)
            return self.cut()
        if fault.endswith("reset"):
            return self.cut()
        if fault.endswith("half an answer"):
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.wfile.write(b'{"success":')
            return self.cut()
        if fault.endswith("Retry-After"):
            return self.answer(429, {"retry-after": "1"})
        if fault.endswith("502"):
            return self.answer(502)
        return self.answer(int(fault[:3]) if fault[:3].isdigit() else 200)

    def cut(self):
        """By a TCP reset."""
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass

    def answer(self, status: int, headers: dict = {}):  # noqa: B006
        body = b'{"success":true}' if status == 200 else b'{"success":false}'
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass  # it was cut


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(*_)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", required=True)
    parser.add_argument("--faults", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--rate", type=float, default=0.12)
    parser.add_argument("--stall", type=float, default=1.5, help="longer than the server waits for a sink")
    options = parser.parse_args()
    sink = Sink(options.file, options.faults, options.seed, options.rate, options.stall)
    Handler.sink = sink
    server = Server(("127.0.0.1", 0), Handler)

    def behave(*_):
        sink.rate = 0.0

    signal.signal(signal.SIGUSR1, behave)
    print(f"READY http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
