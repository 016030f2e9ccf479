"""An HTTP proxy that knows CONNECT alone (RFC 9110 9.3.6), and leads each tunnel to the one address it was given."""

import socket
import threading


class ConnectProxy:
    """`asked` has each "HOST:PORT", `authorizations` the Proxy-Authorization that came with it, or ""."""

    def __init__(self, target: tuple[str, int], refuse: bool = False):
        self.asked: list[str] = []
        self.authorizations: list[str] = []
        self._target, self._refuse = target, refuse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket):
        with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (byte := client.recv(1)):
                    return
                head += byte
            request, *headers = head.decode().strip().split("\r\n")
            method, name, _ = request.split(" ")
            fields = {key.lower(): value for key, value in (line.split(": ", 1) for line in headers)}
            self.asked.append(name if method == "CONNECT" else request)
            self.authorizations.append(fields.get("proxy-authorization", ""))
            if self._refuse or method != "CONNECT":
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(self._target) as upstream:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
                back.start()
                _copy(client, upstream)
                back.join()

    def close(self):
        self._listener.close()


def _copy(source: socket.socket, sink: socket.socket):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
