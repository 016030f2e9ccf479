"""What the benchmarks share: programs that are started, the load, rows with their ratios, and how they are told."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path

import chart

PRODUCT = """
products {{
  id: "{id}"
  provider {{
    endpoints {{ authorization: "https://id.example/authorize" token: "{token}" }}
    client_id: "bench-cli"
    identity {{ source: IDENTITY_SOURCE_TOKEN_RESPONSE_USER }}
  }}
  applications {{ {applications} {{}} }}
  sink {{ {sink} }}
}}
"""


def product(id="bench", token="https://id.example/token", applications="none", sink='file { path: "events.jsonl" }') -> str:
    """A product of authflowd's configuration."""
    return PRODUCT.format(id=id, token=token, applications=applications, sink=sink)


class Program:
    """A server that says when it is ready. `address` is what the pattern `ready` found in its first line."""

    def __init__(self, arguments: list, ready: str, log: Path):
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        line = self.process.stdout.readline()
        found = re.search(ready, line)
        if not found:
            sys.exit(f"bench: {arguments[0]} did not start: {line!r}, see {log}")
        self.address = found[1]

    def end(self, how: int):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def resident(self) -> float:
        """In MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Authflowd(Program):
    """The shipped binary with a shipped configuration. `address` is of gRPC, `http` of metrics."""

    def __init__(self, bin_folder: Path, folder: Path, config: str, flags: list = ()):
        file = folder / "authflowd.txtpb"
        file.write_text(config)
        self.data = folder / "data"
        command = [bin_folder / "server/authflowd", "--config", file, "--data", self.data]
        command += ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", *flags]
        super().__init__(command, r"ready (grpc=\S+ http=\S+)", folder / "authflowd.log")
        self.address, self.http = re.findall(r"=(\S+)", self.address)

    def metric(self, series: str) -> float:
        """0 if it is not there."""
        text = urllib.request.urlopen(f"http://{self.http}/metrics").read().decode()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
        return float(found[1]) if found else 0.0

    def wait_until_delivered(self, seconds: float = 60):
        """Until no event waits in the outbox."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            text = urllib.request.urlopen(f"http://{self.http}/metrics").read().decode()
            if not any(map(float, re.findall(r'authflow_outbox_events\{[^}]*state="pending"\} (\S+)', text))):
                return
            time.sleep(0.05)
        sys.exit(f"bench: events still wait after {seconds:g} s")


def load(bin_folder: Path, *arguments, name: str = "load") -> dict:
    """Runs a program of tests/bench that makes calls; what it says of them."""
    command = [str(bin_folder / "tests/bench" / name), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} exited with {done.returncode}: {done.stdout}")
    return json.loads(done.stdout)


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} x {model[1] if model else 'unknown'}"


def spread(values: list[float]) -> dict:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def settled_and_last(samples: list[float]) -> tuple[float, float]:
    """Medians of the second fifth and of the last, of what is to grow no more once it has settled."""
    fifth = len(samples) // 5
    return statistics.median(samples[fifth : 2 * fifth]), statistics.median(samples[-fifth:])


@dataclass
class Row:
    """One figure: what over which reference, paired in one run."""

    what: str
    reference: str
    ratios: list[float]
    to_reach: float | None = None
    at_most: bool = False  # `to_reach` is not to be passed
    more: dict = field(default_factory=dict)

    def reached(self) -> bool | None:
        if self.to_reach is None:
            return None
        median = statistics.median(self.ratios)
        return median <= self.to_reach if self.at_most else median >= self.to_reach

    def told(self) -> str:
        ratio = spread(self.ratios)
        goal = "" if self.to_reach is None else f"; to reach: {'at most ' if self.at_most else ''}{self.to_reach:g}"
        verdict = {None: "", True: ", reached", False: ", missed"}[self.reached()]
        more = "".join(f"; {name}: {value}" for name, value in self.more.items())
        return (
            f"{self.what} / {self.reference}: {ratio['median']:.3g} ({ratio['min']:.3g} to {ratio['max']:.3g}){goal}{verdict}{more}"
        )


def run(measure, describe: str, add_arguments=lambda parser: None) -> int:
    """The main program of a benchmark: BIN_FOLDER [--rounds N] [--json FILE] [--svg FILE] and its own arguments.

    `measure(arguments, folder)` returns the rows; it exits by itself when what it measured was wrong. A missed goal is a
    finding, not a failure.
    """
    parser = argparse.ArgumentParser(description=describe)
    parser.add_argument("bin_folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    add_arguments(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authflow-bench-") as folder:
        rows = measure(arguments, Path(folder))
    for row in rows:
        print(row.told(), flush=True)
    result = {"machine": machine(), "rows": [{**asdict(row), "ratio": spread(row.ratios), "reached": row.reached()} for row in rows]}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.svg:
        arguments.svg.write_text(chart.draw(describe, result))
    return 0
