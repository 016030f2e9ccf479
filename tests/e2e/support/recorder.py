"""Small HTTP servers of a test: a relay before the token endpoint that keeps what it saw, where a redirect ends, and a
sink of which a test sees each byte."""

import base64
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server:
    def __init__(self):
        keeper = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):  # noqa: N802
                keeper.answer(self, b"")

            def do_POST(self):  # noqa: N802
                keeper.answer(self, self.rfile.read(int(self.headers.get("content-length", 0))))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes):
        raise NotImplementedError

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class TokenRelay(_Server):
    """Passes requests on to the real token endpoint; `forms` has what was posted, `authorizations` the headers."""

    def __init__(self, upstream: str):
        self.upstream = upstream
        self.forms: list[str] = []
        self.authorizations: list[str] = []
        super().__init__()

    def answer(self, handler, body):
        self.forms.append(body.decode())
        headers = {"content-type": handler.headers["content-type"]}
        if authorization := handler.headers.get("authorization"):
            self.authorizations.append(authorization)
            headers["authorization"] = authorization
        request = urllib.request.Request(self.upstream, data=body, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as given:
                status, answer = given.status, given.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


class Landing(_Server):
    """A redirect_uri of a test: `queries` has what the browser brought."""

    def __init__(self):
        self.queries: list[str] = []
        super().__init__()
        self.redirect_uri = f"{self.url}/callback"

    def answer(self, handler, body):
        path, _, query = handler.path.partition("?")
        if path == "/callback":
            self.queries.append(query)
        handler.send_response(200)
        handler.send_header("content-type", "text/html")
        handler.end_headers()
        handler.wfile.write(b"<h1>Thank you</h1>")


class RawSink(_Server):
    """Takes batches at /v1/batch from who has the write key, and keeps their bytes. hold() keeps requests waiting until
    release(); lose() takes the next request and closes the connection without an answer."""

    def __init__(self, write_key: str):
        self._authorization = "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()
        self._changed = threading.Condition()
        self._held = False
        self._losing = 0
        self.bodies: list[bytes] = []  # of the requests with the right key, as they arrived
        self.refused = 0
        super().__init__()

    def hold(self):
        with self._changed:
            self._held = True

    def release(self):
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def lose(self):
        with self._changed:
            self._losing += 1

    def answer(self, handler, body):
        with self._changed:
            right = handler.path == "/v1/batch" and handler.headers.get("authorization") == self._authorization
            if right:
                self.bodies.append(body)
            else:
                self.refused += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._held, 60)
            lost, self._losing = right and self._losing > 0, max(0, self._losing - right)
        if lost:
            handler.close_connection = True
            return
        answer = json.dumps({"success": right}).encode()
        handler.send_response(200 if right else 401)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def _wait(self, done, what: str, timeout: float = 60.0):
        with self._changed:
            assert self._changed.wait_for(done, timeout), f"the sink never had {what}, but {len(self.bodies)} batches"

    def wait_batches(self, count: int):
        self._wait(lambda: len(self.bodies) >= count, f"{count} batches")

    def wait_refused(self, count: int):
        self._wait(lambda: self.refused >= count, f"{count} requests with a wrong key")

    def wait_messages(self, count: int) -> list[dict]:
        self._wait(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages

    @property
    def messages(self) -> list[dict]:
        return [message for body in self.bodies for message in json.loads(body)["batch"]]
