#!/usr/bin/python3
"""Becomes a program under the restrictions of a systemd unit, without systemd: restricted.py UNIT FOLDER PROGRAM [ARGUMENT...]

It has the scheduling policy that the unit gives it. System calls that the unit does not allow kill the program; sockets of other families are refused; memory is not both
writable and executable; no file is written but below FOLDER (by Landlock, where the kernel has it).
"""

import ctypes
import errno
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_PROT_WRITE, _PROT_EXEC = 2, 4


def landlock_version() -> int:
    """0: the kernel has none."""
    return max(0, _LIBC.syscall(_CREATE_RULESET, None, 0, 1))


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.M):
        found.setdefault(name, []).append(value)
    return found


def _members(name: str) -> set[str]:
    """The system calls of a set such as @system-service."""
    if not name.startswith("@"):
        return {name}
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    names = [line.strip() for line in shown.stdout.splitlines()[1:]]
    return set().union(*(_members(member) for member in names if member and not member.startswith("#")))


def allowed_calls(filters: list[str]) -> set[str]:
    calls: set[str] = set()
    for words in filters:
        named = set().union(*(_members(word) for word in words.lstrip("~").split()))
        calls = calls - named if words.startswith("~") else calls | named
    return calls


def _only_write_below(folder: str):
    version = landlock_version()
    if version == 0:
        return
    # Each access that changes files, as far as this version knows them.
    access = 1 << 1 | sum(1 << bit for bit in range(4, 13))
    access |= (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)
    rules = struct.pack("=Q", access)
    ruleset = _LIBC.syscall(_CREATE_RULESET, rules, len(rules), 0)
    below = os.open(folder, os.O_PATH)
    _LIBC.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, below), 0)
    if ruleset < 0 or _LIBC.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock")
    os.close(below)
    os.close(ruleset)


def _only_call(unit: dict[str, list[str]], calls: set[str]):
    import seccomp

    families = [getattr(socket, name) for name in unit["RestrictAddressFamilies"][0].split()]
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    for name in sorted(calls - {"socket", "mmap", "mprotect", "pkey_mprotect"}):
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except RuntimeError:
            pass  # not a call of this machine
    for family in range(socket.AF_VSOCK + 8):
        action = seccomp.ALLOW if family in families else seccomp.ERRNO(errno.EAFNOSUPPORT)
        rules.add_rule(action, "socket", seccomp.Arg(0, seccomp.EQ, family))
    for protection in (0, _PROT_WRITE, _PROT_EXEC):
        both = seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_WRITE | _PROT_EXEC, protection)
        rules.add_rule(seccomp.ALLOW, "mmap", both)
    for name in ("mprotect", "pkey_mprotect"):
        rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_EXEC, 0))
    if os.geteuid() == 0:
        # SQLite gives files of root to whom the database belongs. The unit's user is not root.
        rules.add_rule(seccomp.ERRNO(errno.EPERM), "fchown")
    rules.load()


def main():
    unit, folder, program = settings(Path(sys.argv[1])), sys.argv[2], sys.argv[3:]
    assert unit["MemoryDenyWriteExecute"] == unit["NoNewPrivileges"] == ["yes"] and unit["ProtectSystem"] == ["strict"]
    calls = allowed_calls(unit["SystemCallFilter"])
    assert unit["CPUSchedulingPolicy"] == ["batch"]
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _only_write_below(folder)
    _only_call(unit, calls)
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
