#!/usr/bin/python3
"""Runs the sections of the tests, goes on after a failed one, and ends with "N passed, N failed" over all of them."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUPPORT = ROOT / "tests/support"


@dataclass
class Outcome:
    passed: int = 0
    failed: int = 0


class Runner:
    def __init__(self, folder: Path):
        self.folder = folder
        cache = os.environ.get("AUTHFLOW_DISK_CACHE")
        self.bazel_flags = [f"--disk_cache={cache}"] if cache else []
        # The tests that are written in other languages than C++ run the programs of the default build.
        self.environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")

    def _run(self, *command, cwd: Path = ROOT) -> tuple[int, str]:
        """Shows the output as it comes; the exit code and the output."""
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines = []
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
        return process.wait(), "".join(lines)

    def lint(self) -> Outcome:
        """clang-format, buf, docs/api.md, buildifier, shellcheck, promtool."""
        code, output = self._run("scripts/lint")
        passed, failed = (len(re.findall(rf"^lint: .*{word}", output, re.M)) for word in (": ok$", ": (?:FAILED|.* is missing)"))
        return _checked(code, Outcome(passed, failed))

    def build(self) -> Outcome:
        """Everything, in the default configuration."""
        code, _ = self._run("bazel", "build", *self.bazel_flags, "//...")
        return _checked(code, Outcome())

    def unit(self) -> Outcome:
        """Tests beside the code."""
        return self._bazel_test("unit")

    def asan(self) -> Outcome:
        """The same under AddressSanitizer and UndefinedBehaviorSanitizer."""
        flags = ["--config=asan", "--build_tests_only", "--test_lang_filters=cc", "--test_tag_filters=-no-asan"]
        return self._bazel_test("asan", *flags)

    def _bazel_test(self, name: str, *flags) -> Outcome:
        told = self.folder / f"{name}.json"
        code, _ = self._run(
            "bazel", "test", *self.bazel_flags, "--keep_going", f"--build_event_json_file={told}", *flags, "//..."
        )
        outcome = Outcome()
        for line in told.read_text().splitlines() if told.exists() else ():
            if status := json.loads(line).get("testSummary", {}).get("overallStatus"):
                if status in ("PASSED", "FLAKY"):
                    outcome.passed += 1
                else:
                    outcome.failed += 1
        return _checked(code, outcome)

    def support(self) -> Outcome:
        """Self-tests of the provider, the receiver and the browsers that the end-to-end tests stand on; the dashboard's types;
        the benchmarks' guard."""
        code, output = self._run(SUPPORT / "run-tests")
        passed, failed = (sum(map(int, re.findall(rf"^\W+{word} (\d+)$", output, re.M))) for word in ("pass", "fail"))
        guard = self._pytest("bench")
        return _checked(code, Outcome(passed + guard.passed, failed + guard.failed))

    def deploy(self) -> Outcome:
        """What stands in deploy/: alerts with their runbooks, the systemd unit, the container, the package."""
        return self._pytest("deploy") if self._find_binaries() else Outcome(0, 1)

    def e2e(self) -> Outcome:
        """The real binaries with a real provider, browser and receiver."""
        # They wait more than they work: half of two cores' time was idle. A file's tests share its servers.
        return self._pytest("e2e", "--numprocesses=3", "--dist=loadfile") if self._find_binaries() else Outcome(0, 1)

    def clients(self) -> Outcome:
        """The CLI and the examples keep the duties of clients, and a broken client is found."""
        return self._pytest("client_conformance") if self._find_binaries() else Outcome(0, 1)

    def chaos(self) -> Outcome:
        """Everything is killed and hurt for a minute; and the checker that says so can be trusted."""
        if not self._find_binaries():
            return Outcome(0, 1)
        outcome = self._pytest("chaos")
        code, _ = self._run("scripts/chaos", "--minutes", "1")
        outcome.passed += code == 0
        outcome.failed += code != 0
        return outcome

    def _find_binaries(self) -> bool:
        """Those of the default build, for tests that start them."""
        code, output = self._run("bazel", "info", "bazel-bin")
        if code != 0:
            return False
        binaries = Path(output.splitlines()[-1])
        self.environment.setdefault("AUTHFLOWD", str(binaries / "server/authflowd"))
        self.environment.setdefault("AUTHFLOWD_WITH_KILL_POINTS", str(binaries / "server/authflowd_with_kill_points"))
        self.environment.setdefault("AUTHFLOW", str(binaries / "client/cli/authflow"))
        self.environment.setdefault("AUTHFLOW_EXAMPLE_CPP", str(binaries / "examples/cpp/login"))
        self.environment.setdefault("AUTHFLOW_LIBRARY_CLIENT", str(binaries / "tests/chaos/library_client"))
        return True

    def _pytest(self, name: str, *flags) -> Outcome:
        told = self.folder / f"{name}.xml"
        code, _ = self._run("/usr/bin/python3", "-m", "pytest", *flags, f"--junitxml={told}", ".", cwd=ROOT / "tests" / name)
        outcome = Outcome()
        if told.exists():
            suite = xml.parse(told).getroot().find("testsuite")
            count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            outcome.failed = count["failures"] + count["errors"]
            outcome.passed = count["tests"] - outcome.failed - count["skipped"]
        return _checked(code, outcome)


def _checked(code: int, outcome: Outcome) -> Outcome:
    """A runner that failed without saying which test did counts as one failure."""
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
    return outcome


SECTIONS = ("lint", "build", "unit", "asan", "support", "deploy", "e2e", "clients", "chaos")


def main() -> int:
    about = "\n".join(f"  {name:9} {getattr(Runner, name).__doc__}" for name in SECTIONS)
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description=__doc__,
        epilog=f"sections:\n{about}\n\nAUTHFLOW_DISK_CACHE names a folder for Bazel's --disk_cache.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="only these (default: all)")
    wanted = parser.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"there is no section {unknown[0]}")

    total = Outcome()
    summary = []
    with tempfile.TemporaryDirectory(prefix="authflow-test-") as folder:
        runner = Runner(Path(folder))
        for name in wanted:
            print(f"\n=== {name}: {getattr(Runner, name).__doc__}", flush=True)
            begun = time.monotonic()
            outcome = getattr(runner, name)()
            total.passed += outcome.passed
            total.failed += outcome.failed
            result = "FAILED" if outcome.failed else "ok"
            counts = f"{outcome.passed} passed, {outcome.failed} failed"
            summary.append(f"{name:9} {result:7} {counts:24} {time.monotonic() - begun:6.0f} s")
            print(f"--- {summary[-1]}", flush=True)
    print("\n=== summary")
    print("\n".join(summary))
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
