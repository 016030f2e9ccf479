"""A real Prometheus that scrapes one server, and its HTTP API."""

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path

from support.processes import Program

CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: authflowd
    static_configs: [{{targets: ["{target}"]}}]
"""
# What Prometheus adds to each series.
OWN_LABELS = ("__name__", "instance", "job")


class Prometheus(Program):
    def __init__(self, folder: Path, target: str):
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(target=target))
        data = f"--storage.tsdb.path={folder / 'tsdb'}"
        flags = [f"--config.file={config}", data, "--web.listen-address=127.0.0.1:0"]
        super().__init__("prometheus", ["prometheus", *flags], folder / "logs", cwd=folder)
        listening = self.err.wait(r'msg="Listening on" address=(\S+)', 60)
        assert listening, "Prometheus did not start:\n" + "\n".join(self.err.all()[-5:])
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
