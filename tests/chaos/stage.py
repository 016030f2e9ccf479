"""What a run has around the server: providers, the sink, the relay, a browser without pages, the configuration."""

import random
import signal
import sys
import threading
from pathlib import Path

from support.http import Admin, AdminError
from support.processes import Program
from support.services import NODE, SUPPORT

HERE = Path(__file__).resolve().parent

CONFIG = """
products {{
  id: "odd"
  provider {{
    endpoints {{ authorization: "{odd}/authorize" token: "{odd}/token" }}
    client_id: "odd-cli"
    identity {{ source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER user_id: "id" }}
    timeout {{ seconds: 2 }}
  }}
  applications {{ local {{ regions: "eu" regions: "us" }} }}
  {sink}
}}
products {{
  id: "real"
  provider {{
    issuer: "{issuer}"
    client_id: "cli"
    parameters {{ place: PARAMETER_PLACE_AUTHORIZATION name: "prompt" value: "consent" }}
    timeout {{ seconds: 2 }}
  }}
  applications {{ none {{}} }}
  {sink}
}}
flow_limits {{
  expiry {{ seconds: {expiry} }}
  browser_wait {{ seconds: {browser_wait} }}
  exchange {{ seconds: 4 }}
  grace {{ seconds: 1 }}
}}
"""
EXPIRY, BROWSER_WAIT = 60, 8

# For the next requests of a provider's endpoint.
PROVIDER_FAULTS = {
    "delay": (4, {"delay_ms": 800}),
    "stall": (3, {"hang": True}),
    "reset": (4, {"reset": True}),
    "500": (3, {"status": 500}),
    "503": (2, {"status": 503, "headers": {"retry-after": 1}}),
    "429": (2, {"status": 429}),
    "garbage": (2, {"garbage": 64}),
    "half an answer": (3, {"close_mid_body": True}),
    "handled, then reset": (4, {"after": True, "reset": True}),
    "handled, then slow": (3, {"after": True, "delay_ms": 1500}),
    "handled, then 502": (2, {"after": True, "status": 502}),
}


class Stage:
    def __init__(self, folder: Path, seed: str):
        self.folder, self.seed = folder, seed
        self.logs = folder / "logs"
        self.programs: dict[str, Program] = {}
        self.random = random.Random(f"{seed}/stage")
        self.happened: dict[str, list[str]] = {}

    def open(self) -> "Stage":
        self.odd, self.odd_admin = self._node("providers_odd")
        self.odd_admin.post("/set", {"user_in_token": True, "user_key": "id", "user_id": "string"})
        self.issuer, self.provider_admin = self._node("provider")
        self.browser = self._node("http_login", "--serve")[0]
        self.sink = self._python("sink", "--file", self.folder / "received.jsonl")
        return self

    def _node(self, name: str, *arguments) -> tuple[str, Admin | None]:
        argv = [NODE, SUPPORT / f"{name}.mjs", *arguments, "--until-stdin-closes"]
        program = self.programs[name] = Program(name, argv, self.logs)
        url = program.wait_ready(r"^READY (\S+)", 60)[1]
        admin = program.out.wait(r"^ADMIN (\S+)", 5)
        return url, Admin(admin[1]) if admin else None

    def _python(self, name: str, *arguments) -> str:
        faults = self.folder / f"{name}_faults.txt"
        argv = [sys.executable, HERE / f"{name}.py", *arguments, "--faults", faults, "--seed", self.seed]
        program = self.programs[name] = Program(name, argv, self.logs)
        return program.wait_ready(r"^READY (\S+)", 30)[1]

    def put_proxy(self, upstream: str, pause: float, pause_of_all: float):
        self.proxy = self._python("proxy", upstream, "--pause", str(pause), "--pause-of-all", str(pause_of_all))

    def write_config(self) -> Path:
        key = self.folder / "write_key"
        key.write_text("chaos")
        sink = f'sink {{ segment {{ endpoint: "{self.sink}" write_key {{ file: "{key}" }} timeout {{ seconds: 1 }} }} }}'
        path = self.folder / "authflowd.txtpb"
        path.write_text(
            CONFIG.format(
                odd=self.odd, issuer=self.issuer, sink=sink, expiry=EXPIRY, browser_wait=BROWSER_WAIT
            )
        )
        return path

    def hurt(self, stop: threading.Event):
        """Providers that stall, reset and err; providers and sink that are paused. Until `stop`."""
        names = list(PROVIDER_FAULTS)
        weights = [PROVIDER_FAULTS[name][0] for name in names]
        faults = self.happened.setdefault("provider", [])
        pauses = self.happened.setdefault("SIGSTOP", [])
        while not stop.wait(self.random.expovariate(1 / 1.2)):
            if self.random.random() < 0.08:
                name = self.random.choice(["sink", "providers_odd", "provider", "proxy"])
                pauses.append(name)
                self.programs[name].pause()
                stop.wait(self.random.uniform(0.1, 3))
                self.programs[name].resume()
                continue
            name = self.random.choices(names, weights)[0]
            odd = self.random.random() < 0.8
            endpoint = "token" if odd or self.random.random() < 0.6 else self.random.choice(["discovery", "jwks"])
            fault = {"endpoint": endpoint, "times": self.random.randint(1, 2), **PROVIDER_FAULTS[name][1]}
            try:
                (self.odd_admin if odd else self.provider_admin).post("/faults", fault)
                faults.append(name)
            except (AdminError, OSError):
                continue

    def calm(self):
        for admin in (self.odd_admin, self.provider_admin):
            admin.delete("/faults")
        for name in ("sink", "proxy"):
            self.programs[name].process.send_signal(signal.SIGUSR1)

    def close(self):
        for program in reversed(self.programs.values()):
            program.stop(5)
