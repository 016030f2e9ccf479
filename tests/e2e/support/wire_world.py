"""A world whose configuration a test writes itself, for tests that speak to the server without our CLI."""

import contextlib
import http.client
from pathlib import Path

from support.services import Services
from support.wire_client import Wire
from support.world import World

NO_APPLICATIONS = "none {}"
LOCAL_APPLICATIONS = 'local { regions: "eu" regions: "us" }'
NO_SINK = "none {}"

# provider.mjs gives a refresh token only to who consents.
CONSENT = """
  parameters { place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "consent" kind: FLOW_KIND_LOGIN }
"""


def product(
    id: str,
    provider: str,
    applications: str = NO_APPLICATIONS,
    sink: str = NO_SINK,
    redirect: str = "",
) -> str:
    return f"""
products {{
  id: "{id}"
  provider {{ {provider} }}
  redirect {{ {redirect} }}
  applications {{ {applications} }}
  sink {{ {sink} }}
}}
"""


def by_hand(odd_url: str, more: str = "", userinfo: bool = True) -> str:
    """providers_odd.mjs without discovery, the identity in the token answer unless `more` says otherwise."""
    paths = {"authorization": "authorize", "token": "token", "revocation": "revoke"}
    if userinfo:
        paths["userinfo"] = "userinfo"
    endpoints = " ".join(f'{name}: "{odd_url}/{path}"' for name, path in paths.items())
    return f'endpoints {{ {endpoints} }} client_id: "odd-cli" {more}'


USER_IN_ANSWER = 'identity { source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER user_id: "id" }'


class WireWorld(World):
    """`config` gives the configuration's text; it may ask the world for segment_sink()."""

    # What every closed world has counted: RPCs by code.
    handled: dict[str, float] = {}

    def __init__(self, services: Services, folder: Path, config, limits: str = "", server_flags: tuple[str, ...] = ()):
        folder.mkdir(parents=True, exist_ok=True)
        self._text = config
        self._clients: list[Wire] = []
        super().__init__(services, folder, products=(), limits=limits, server_flags=server_flags)

    def _write_config(self, limits: str):
        text = self._text if isinstance(self._text, str) else self._text(self)
        if limits:
            text += f"flow_limits {{ {limits} }}\n"
        self.config.write_text(text)

    def secret_file(self, name: str, value: str) -> Path:
        path = self.folder / name
        path.write_text(value)
        return path

    def segment_sink(self, write_key: str = "", timeout_s: int = 30, endpoint: str = "") -> str:
        key = self.secret_file(f"key-{write_key or 'own'}", write_key or self.write_key)
        return (
            f'segment {{ endpoint: "{endpoint or self.services.receiver_url}" write_key {{ file: "{key}" }} '
            f"timeout {{ seconds: {timeout_s} }} }}"
        )

    def client(self, **options) -> Wire:
        client = Wire(self.grpc, **options)
        self._clients.append(client)
        return client

    def kill_and_restart(self, between=lambda: None):
        """kill -9, and a new server on the same data folder at the same address."""
        self._count()
        self.server.kill()
        between()
        self.start()

    def stop(self) -> int:
        self._count()
        return self.server.stop()

    def _count(self):
        if self.server is None or self.server.process.poll() is not None:
            return
        with contextlib.suppress(OSError, http.client.HTTPException):
            for name, labels, value in self.metrics().samples:
                if name == "grpc_server_handled_total":
                    code = labels["grpc_code"]
                    WireWorld.handled[code] = WireWorld.handled.get(code, 0) + value

    def close(self):
        self._count()
        for client in self._clients:
            client.close()
        super().close()
