"""A session bus of its own, and a GNOME keyring on it that is unlocked, as after a login at a desktop."""

import os
import re
import signal
import subprocess
from pathlib import Path

from support.processes import Program, die_with_parent

# No service is started by the bus itself: without `unlock` there is none.
CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*"/><allow own="*"/><allow eavesdrop="false"/></policy>
</busconfig>
"""


class SessionBus:
    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder = folder
        config = folder / "bus.conf"
        config.write_text(CONFIG)
        argv = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
        self.program = Program("dbus-daemon", argv, folder / "logs")
        self.address = self.program.wait_ready(r"^(unix:\S+)")[1]
        self.env = {"DBUS_SESSION_BUS_ADDRESS": self.address}
        self.keyring_pid = 0

    def unlock(self):
        """Starts a keyring, unlocked."""
        rule = "type='signal',member='NameOwnerChanged',arg0='org.freedesktop.secrets'"
        monitor = Program("dbus-monitor", ["dbus-monitor", "--address", self.address, rule], self.folder / "logs")
        monitor.wait_ready("NameAcquired|NameLost")
        home = self.folder / "keyring"
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_DATA_HOME": str(home)}
        argv = ["gnome-keyring-daemon", "--daemonize", "--unlock", "--components=secrets"]
        subprocess.run(
            argv,
            input=b"password",
            env=environment | self.env | {"XDG_RUNTIME_DIR": str(home)},
            capture_output=True,
            check=True,
            timeout=20,
            preexec_fn=die_with_parent,
        )
        # It is on the bus a moment after it has said that it runs.
        monitor.wait_ready('string "org.freedesktop.secrets"')
        monitor.stop()
        asked = ("org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetConnectionUnixProcessID")
        answer = self.call(*asked, "string:org.freedesktop.secrets")
        self.keyring_pid = int(re.search(r"uint32 (\d+)", answer)[1])

    def call(self, service: str, path: str, method: str, *arguments: str) -> str:
        argv = ["dbus-send", f"--bus={self.address}", "--print-reply", f"--dest={service}", path, method, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout

    def items(self) -> list[str]:
        """The items that authflow has there."""
        found = self.call(
            "org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.SearchItems",
            "dict:string:string:xdg:schema,dev.authflow.Login",
        )
        return re.findall(r'object path "(\S+)"', found)

    def pause(self):
        os.kill(self.keyring_pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.keyring_pid, signal.SIGCONT)

    def close(self):
        if self.keyring_pid:
            os.kill(self.keyring_pid, signal.SIGKILL)
        self.program.stop()
