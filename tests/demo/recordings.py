#!/usr/bin/python3
"""Records what a person reads at the terminal, with real parts, as plain text: docs/recordings. See scripts/recordings."""

import os
import re
import sys
import tempfile
import textwrap
from datetime import datetime, timedelta
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support.machine import AUTHFLOW, Machine  # noqa: E402
from support.services import Services  # noqa: E402
from support.terminal import CTRL_C, DOWN, ENTER, Terminal, screen  # noqa: E402
from support.world import AUTHFLOWD, World, secrets_of  # noqa: E402

WIDTH = 80
OPERATORS_WIDTH = 132
PROMPT = "$ "
FIRST_TIME = datetime(2026, 1, 15, 9)
CODE = r"\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}\b"


class Stable:
    """The same words for what differs from run to run, in one recording."""

    def __init__(self, words: dict[str, str]):
        self._words = words
        self._ids: dict[str, str] = {}
        self._first: datetime | None = None

    def __call__(self, text: str) -> str:
        for word, instead in self._words.items():
            text = text.replace(word, instead)
        text = re.sub(r"\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-|app_[0-9a-f]{20})[0-9a-f]{12}\b", self._id, text)
        text = re.sub(r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(\.\d{3})?", self._time, text)
        text = re.sub(CODE, "WDJB-MJHT", text)
        text = re.sub(r"([?&](?:state|nonce|code_challenge)=)([\w-]+)", lambda it: it[1] + "x" * len(it[2]), text)
        text = re.sub(r"(127\.0\.0\.1%3A)\d+", r"\g<1>40001", text)
        text = re.sub(r"\b([49]:5)\d left", r"\g<1>9 left", text)
        return re.sub("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "⠋", text)

    def _id(self, found) -> str:
        kind = "app_00000000000040008000" if found[0].startswith("app_") else "00000000-0000-4000-8000-"
        return self._ids.setdefault(found[0], f"{kind}{len(self._ids) + 1:012}")

    def _time(self, found) -> str:
        """The first is always the same; what lies between is as it was."""
        day, between, clock, fraction = found.groups()
        time = datetime.fromisoformat(f"{day}T{clock}{fraction or ''}")
        self._first = self._first or time
        shown = FIRST_TIME + (time - self._first)
        return shown.strftime(f"%Y-%m-%d{between}%H:%M:%S") + (f".{shown.microsecond // 1000:03}" if fraction else "")


class Shell:
    """A shell on a terminal, and the looks at it that were kept."""

    def __init__(self, terminal: Terminal, width: int, stable: Stable):
        self.terminal, self._width, self._stable = terminal, width, stable
        self._looks: list[tuple[str, str]] = []
        self._asked = 0
        terminal.wait_text(r"\$ \Z")

    def begin(self, command: str):
        self._asked = len(self.terminal.text)
        self.terminal.type(command + "\n")

    def wait(self, pattern: str, timeout: float = 30):
        return self.terminal.wait_text(pattern, timeout, self._asked)

    def end(self):
        self.wait(r"\$ \Z")

    def run(self, *commands: str):
        for command in commands:
            self.begin(command)
            self.end()

    def look(self, remark: str = ""):
        """Keeps what is on the screen now, and what happened next."""
        self._looks.append((self.terminal.raw, remark))

    def recording(self) -> str:
        """Of each look the lines that were not there before."""
        self.look()
        before: list[str] = []
        out = ""
        for raw, remark in self._looks:
            lines = screen(self._stable(raw), self._width)
            lines[-1] = lines[-1].removesuffix(PROMPT.strip())
            while lines and not lines[-1]:
                lines.pop()
            same = len(os.path.commonprefix([before, lines]))
            out += "".join(line + "\n" for line in lines[same:])
            if remark:
                out += "\n" + textwrap.fill(remark, WIDTH, initial_indent="# ", subsequent_indent="# ") + "\n\n"
            before = lines
        return out


class Stage:
    """Who and what there is: one server, and the machine of Alice."""

    def __init__(self, services: Services, folder: Path):
        self.services = services
        self.world = World(services, folder).start()
        self.laptop: Machine = self.world.machine()
        self._terminals: list[Terminal] = []
        # As long as what stands for it: the CLI breaks lines by what it shows.
        self._home = Path(f"/tmp/{os.getpid() % 10**6:06}")
        self._home.symlink_to(self.laptop.home)
        (self.laptop.home / ".config").symlink_to("config")
        (self.laptop.home / ".local").mkdir()
        (self.laptop.home / ".local/share").symlink_to("../share")
        for name in ("config", "share"):
            (self.laptop.home / name).mkdir()
        self.laptop.env |= {"HOME": str(self._home), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
        self._bin = folder / "bin"
        self._bin.mkdir()
        for program in (AUTHFLOW, AUTHFLOWD):
            (self._bin / program.name).symlink_to(program)
        self.recordings: dict[str, str] = {}

    def shell(self, width: int = WIDTH, **env: str) -> Shell:
        environment = self.laptop.env | {"PATH": f"{self._bin}:{os.environ['PATH']}", "PS1": PROMPT, "PS2": ""}
        # The address is taken from the screen.
        environment |= {"BROWSER": "true"} | env
        log = self.world.folder / f"shell-{len(self._terminals)}"
        terminal = Terminal(["/bin/dash", "-i"], environment, log, columns=width)
        self._terminals.append(terminal)
        words = {
            self.services.issuer: "https://id.example.com",
            self.services.issuer.removeprefix("http://"): "id.example.com",
            self.world.grpc: "127.0.0.1:7443",
            str(self._home): "/home/alice",
            str(self.world.data): "/var/lib/authflow",
        }
        return Shell(terminal, width, Stable(words))

    def browse(self, shell: Shell, **person) -> str:
        """Goes through the provider's pages in Chromium; what the last page says."""
        url = shell.wait(r"(https?://\S+[?&]code_challenge=\S+)")[1]
        return self.visit(url, **person)

    def visit(self, url: str, **person) -> str:
        page = self.services.chromium.post("/open", {"url": url, **person})
        assert page.get("ok"), page
        return page["h1"]

    def close(self):
        for terminal in self._terminals:
            terminal.close()
        self.world.close()
        self._home.unlink()


# The recordings, in the order in which they are made: a machine that has just been set up, to a server that is gone.


def help_(stage: Stage, shell: Shell):
    shell.run("authflow --help", "authflow login --help")


def login(stage: Stage, shell: Shell):
    shell.begin("authflow login")
    shell.wait(r"9:5\d left")
    shell.look("Alice signs in and allows, in Chromium; the page waits for the outcome.")
    said = stage.browse(shell)
    shell.wait("Name of the new application")
    shell.look(f'The page says: "{said}". Alice types a name.')
    shell.terminal.type("Shop" + ENTER)
    shell.wait("Where shall it be")
    shell.look("She takes the first region.")
    shell.terminal.type(ENTER)
    shell.end()


def status(stage: Stage, shell: Shell):
    shell.run("authflow status")


def device(stage: Stage, shell: Shell):
    shell.begin("authflow login --app-name Shop")
    address = shell.wait(r"Open this address on any device[^:]*:\s+(http\S+)")[1]
    code = shell.wait(CODE)[0]
    shell.wait(r"9:5\d left")
    shell.look("On her phone Alice opens the address, types in the code, signs in and allows.")
    stage.visit(f"{address}?user_code={code}")
    shell.end()


def device_flag(stage: Stage, shell: Shell):
    shell.begin("authflow login --device --app-name Shop")
    address = shell.wait(r"Open this address on any device[^:]*:\s+(http\S+)")[1]
    code = shell.wait(CODE)[0]
    shell.wait(r"4:5\d left")
    shell.look("On her phone Alice opens the address, types in the code, signs in and allows.")
    stage.visit(f"{address}?user_code={code}")
    shell.end()


def apps_list(stage: Stage, shell: Shell):
    shell.run("authflow apps list")


def select(stage: Stage, shell: Shell):
    shell.begin("authflow apps select")
    shell.wait("Esc to cancel")
    shell.look("Alice types what the name has in it: mail prod.")
    shell.terminal.type("mail prod")
    shell.wait(r"mail prod\n> Mail")
    shell.look("Arrow down.")
    shell.terminal.type(DOWN)
    shell.wait("> Mailing")
    shell.look("Enter.")
    shell.terminal.type(ENTER)
    shell.end()


def token(stage: Stage, shell: Shell):
    curl = 'curl -s -o /dev/null -w "%{http_code}\\n" \\\n  -H "Authorization: Bearer $(authflow token)" '
    shell.run(f"{curl}{stage.services.issuer}/me")


def json(stage: Stage, shell: Shell):
    shell.run(
        "authflow status --json",
        "authflow apps create Shop --region mars --json 2>/dev/null",
        "echo $?",
    )


def non_interactive(stage: Stage, shell: Shell):
    shell.run("authflow apps select --non-interactive", "echo $?")
    shell.run("authflow apps create --non-interactive --json")


def denied(stage: Stage, shell: Shell):
    shell.begin("authflow login")
    shell.wait(r"9:5\d left")
    shell.look("Alice presses Cancel where she is asked to allow.")
    said = stage.browse(shell, deny_consent=True)
    shell.end()
    shell.look(f'The page says: "{said}".')
    shell.run("echo $?")


def failed(stage: Stage, shell: Shell):
    stage.services.provider.post("/faults", {"endpoint": "token", "status": 503, "times": 9})
    shell.begin("authflow login")
    shell.wait(r"9:5\d left")
    shell.look("Alice signs in and allows; the provider answers the exchange of her code with 503, Service Unavailable.")
    said = stage.browse(shell)
    shell.end()
    shell.look(f'The page says: "{said}".')
    stage.services.provider.delete("/faults")


def ctrl_c(stage: Stage, shell: Shell):
    shell.begin("authflow login")
    shell.wait(r"9:5\d left")
    shell.look("Ctrl-C.")
    shell.terminal.type(CTRL_C)
    shell.end()
    shell.run("echo $?")


def accessible(stage: Stage, shell: Shell):
    shell.begin("AUTHFLOW_ACCESSIBLE=1 authflow login")
    shell.wait("or wait for the browser")
    shell.look("Alice signs in and allows, in Chromium.")
    stage.browse(shell)
    shell.wait("part of a name.*: ")
    shell.look("She types a part of a name.")
    shell.terminal.type("mail" + ENTER)
    shell.wait(r"(?s)Which application.*Which application.*part of a name \[\d+\]: ")
    shell.look("And the number.")
    shell.terminal.type("9" + ENTER)
    shell.end()


def tail(stage: Stage, shell: Shell):
    shell.begin(f"authflowd tail --data {stage.world.data}")
    shell.wait("Ctrl-C ends.")
    shell.look("Somebody signs in.")
    assert stage.laptop.sign_in("login", "--app-name", "Shop").code == 0
    shell.wait("Command Completed")
    shell.terminal.type(CTRL_C)
    shell.end()


def flow(stage: Stage, shell: Shell):
    data = f"--data {stage.world.data}"
    shell.run(f"authflowd flow list --since 24h --outcome denied {data}")
    flow_id = shell.wait("[0-9a-f]{8}-[0-9a-f-]{27}")[0]
    shell.run(f"authflowd flow show {flow_id} {data}", f"authflowd flow list {data} --limit 5")


def funnel(stage: Stage, shell: Shell):
    shell.run(f"authflowd funnel --since 24h --data {stage.world.data}")


def dead_server(stage: Stage, shell: Shell):
    stage.world.server.kill()
    shell.begin("authflow login")
    shell.wait("Still no answer")
    shell.look("A second later, and until it gives up.")
    shell.end()
    shell.run("echo $?", "authflow status")


OVER_SSH = {"SSH_CONNECTION": "192.0.2.1 50022 192.0.2.2 22", "BROWSER": ""}
# Name of the file, what happens; width and environment where they are others.
RECORDINGS = (
    ("help", help_, {}),
    ("login", login, {}),
    ("status", status, {}),
    ("device-over-ssh", device, OVER_SSH),
    ("device", device_flag, OVER_SSH),
    ("apps-list", apps_list, {}),
    ("select", select, {}),
    ("token", token, {}),
    ("json", json, {}),
    ("non-interactive", non_interactive, {}),
    ("denied", denied, {}),
    ("failed", failed, {}),
    ("ctrl-c", ctrl_c, {}),
    ("accessible", accessible, {}),
    ("tail", tail, {"width": OPERATORS_WIDTH}),
    ("flow", flow, {"width": OPERATORS_WIDTH}),
    ("funnel", funnel, {}),
    ("dead-server", dead_server, {}),
)
# Made before the list of applications is shown.
APPLICATIONS = [f"{name} {stage}" for name in ("Billing", "Mail", "Mailing list", "Search") for stage in ("dev", "prod")]


def record(folder: Path) -> dict[str, str]:
    services = Services(folder)
    stage = Stage(services, folder)
    try:
        found = {}
        for name, act, options in RECORDINGS:
            if act is apps_list:
                for application in APPLICATIONS:
                    assert stage.laptop.run("apps", "create", application, "--region", "eu").code == 0
            shell = stage.shell(**options)
            act(stage, shell)
            found[name] = shell.recording()
        secrets = secrets_of(stage.laptop, []).values()
        told = [name for name, text in found.items() if any(secret in text for secret in secrets)]
        assert not told, f"a token stands in {told}"
        return found
    finally:
        stage.close()
        services.close()


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: recordings.py FOLDER", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="authflow-recordings-") as folder:
        for name, text in record(Path(folder)).items():
            (Path(sys.argv[1]) / f"{name}.txt").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
