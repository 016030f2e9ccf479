#!/usr/bin/python3
"""A relay in front of the server that can keep a call: gate.py UPSTREAM.

Prints "READY 127.0.0.1:PORT", then for the Nth call of a method "ARRIVED METHOD N", and
"HANDLED METHOD N" once the server has answered it. Reads commands, one a line:
"hold METHOD" (calls are not passed on), "hold-answer METHOD" (passed on, the answer is kept), "release METHOD".
Ends when its standard input does.
"""

import sys
import threading
from concurrent import futures

import grpc


class Gate(grpc.GenericRpcHandler):
    def __init__(self, upstream: str):
        self._channel = grpc.insecure_channel(upstream, options=[("grpc.max_reconnect_backoff_ms", 200)])
        self._lock = threading.Lock()
        self._holds: dict[tuple[str, str], threading.Event] = {}
        self._calls: dict[str, int] = {}

    def hold(self, when: str, method: str):
        with self._lock:
            self._holds[when, method] = threading.Event()

    def release(self, method: str):
        with self._lock:
            for when in ("before", "after"):
                if held := self._holds.pop((when, method), None):
                    held.set()

    def _pass(self, when: str, method: str, over: threading.Event):
        with self._lock:
            held = self._holds.get((when, method))
        while held is not None and not held.wait(0.02) and not over.is_set():
            pass

    def service(self, details):
        path = details.method
        method = path.rsplit("/", 1)[1]
        metadata = [pair for pair in details.invocation_metadata if not pair[0].startswith(("grpc-", "user-agent", ":"))]

        def begin(context):
            over = threading.Event()
            context.add_callback(over.set)
            with self._lock:
                number = self._calls[method] = self._calls.get(method, 0) + 1
            tell(f"ARRIVED {method} {number}")
            self._pass("before", method, over)
            return over, number

        def refuse(error, context):
            context.set_trailing_metadata(error.trailing_metadata() or ())
            context.set_code(error.code())
            context.set_details(error.details() or "")

        def unary(request, context):
            over, number = begin(context)
            call = self._channel.unary_unary(path).future(request, timeout=context.time_remaining(), metadata=metadata)
            context.add_callback(call.cancel)
            try:
                answer = call.result()
            except grpc.RpcError as error:
                refuse(error, context)
                answer = b""
            except grpc.FutureCancelledError:
                return b""
            tell(f"HANDLED {method} {number}")
            self._pass("after", method, over)
            return answer

        def stream(request, context):
            begin(context)
            call = self._channel.unary_stream(path)(request, metadata=metadata)
            context.add_callback(call.cancel)
            try:
                yield from call
            except grpc.RpcError as error:
                refuse(error, context)

        if method in ("WatchFlow", "Watch"):
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def tell(line: str):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    gate = Gate(sys.argv[1])
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), handlers=(gate,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    tell(f"READY 127.0.0.1:{port}")
    for line in sys.stdin:
        command, method = line.split()
        if command == "release":
            gate.release(method)
        else:
            gate.hold("after" if command == "hold-answer" else "before", method)
        tell(f"DONE {command} {method}")
    server.stop(None)


main()
