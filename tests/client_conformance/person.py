"""The person's browser: visits the client's listener and keeps the page that it gets."""

import http.client
import threading
import time
import urllib.parse


class Visit(threading.Thread):
    """One GET, made at once. `status` and `body` once it is answered; status 0: no answer came."""

    def __init__(self, changed: threading.Condition, uri: str, target: str):
        super().__init__(daemon=True)
        self._changed, self._uri, self.target = changed, urllib.parse.urlsplit(uri), target
        self.answered_at = 0.0
        self.status, self.body = 0, ""
        self.start()

    def run(self):
        connection = http.client.HTTPConnection(self._uri.hostname, self._uri.port, timeout=30)
        try:
            connection.request("GET", self.target)
            response = connection.getresponse()
            self.status, self.body = response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
            with self._changed:
                self.answered_at = time.monotonic()
                self._changed.notify_all()
