"""Calls to the admin side of provider, receiver and browser (tests/support/README.md)."""

import json
import urllib.error
import urllib.parse
import urllib.request


class AdminError(RuntimeError):
    def __init__(self, status: int, text: str):
        super().__init__(f"{status}: {text}")
        self.status = status


class Admin:
    def __init__(self, url: str):
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, query: dict | None = None, body: dict | None = None, timeout: float = 90.0):
        url = self.url + path
        if query:
            url += "?" + urllib.parse.urlencode({key: _text(value) for key, value in query.items()})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        # Never through a proxy of this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AdminError(error.code, error.read().decode(errors="replace")[:400]) from None

    def get(self, path: str, **query):
        return self.call("GET", path, query)

    def post(self, path: str, body: dict | None = None):
        return self.call("POST", path, body=body or {})

    def delete(self, path: str, **query):
        return self.call("DELETE", path, query)


def _text(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
