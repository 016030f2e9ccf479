"""Two small HTTP servers of a test: a relay before the token endpoint that keeps what it saw, and where a redirect ends."""

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
