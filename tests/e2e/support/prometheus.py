"""A real Prometheus that scrapes one server and has our rules, and its HTTP API."""

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path

from support.processes import Program

RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}/authflow.recording.yml, {rules}/authflow.alerts.yml]
scrape_configs:
  - job_name: authflowd
    static_configs: [{{targets: ["{target}"]}}]
"""
# What Prometheus adds to each series.
OWN_LABELS = ("__name__", "instance", "job")


class Prometheus(Program):
    def __init__(self, folder: Path, target: str):
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=RULES, target=target))
        data = f"--storage.tsdb.path={folder / 'tsdb'}"
        flags = [f"--config.file={config}", data, "--web.listen-address=127.0.0.1:0"]
        super().__init__("prometheus", ["prometheus", *flags], folder / "logs", cwd=folder)
        listening = self.err.wait(r'msg="Listening on" address=(\S+)', 60)
        ready = listening and self.err.wait(r'msg="Server is ready to receive web requests', 60)
        assert ready, "Prometheus did not start:\n" + "\n".join(self.err.all()[-5:])
        self.url = f"http://{listening[1]}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def query(self, expression: str, at: float | None = None) -> list[tuple[dict, float]]:
        """An instant vector: (labels, value) of each series."""
        parameters = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        with self._opener.open(f"{self.url}/api/v1/query?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            result = json.load(answer)["data"]["result"]
        found = []
        for series in result:
            labels = {name: value for name, value in series["metric"].items() if name not in OWN_LABELS}
            found.append((labels, float(series["value"][1])))
        return found

    def wait_scrape(self, since: float, timeout: float = 60.0) -> float:
        """When the first good scrape after `since` was made. Nobody tells: the API is asked until it is there."""
        limit = time.monotonic() + timeout
        while not (found := self.query(f"timestamp(up) > {since:.3f} and up == 1")):
            assert time.monotonic() < limit, "the server is not scraped"
        return found[0][1]

    def wait_rule(self, record: str, since: float, timeout: float = 60.0) -> float:
        """When that rule's group was evaluated first after `since`."""
        limit = time.monotonic() + timeout
        while not (found := self.query(f"timestamp({record}) > {since:.3f}")):
            assert time.monotonic() < limit, f"{record} is not evaluated"
        return found[0][1]
