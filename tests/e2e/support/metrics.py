"""Prometheus' text format, as far as a test needs it."""

import re
import time
import urllib.request

_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, text: str):
        self.text = text
        self.samples: list[tuple[str, dict, float]] = []
        for row in text.splitlines():
            if not row.startswith("#") and (found := _SAMPLE.match(row)):
                self.samples.append((found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])))

    def sum(self, name: str, **labels) -> float:
        """All samples of that name that have these labels, added up."""
        return sum(
            value
            for sample, has, value in self.samples
            if sample == name and all(has.get(label) == wanted for label, wanted in labels.items())
        )


def scrape(http: str) -> Metrics:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{http}/metrics", timeout=10) as answer:
        return Metrics(answer.read().decode())


def wait_number(world, value: float, name: str, timeout: float = 60.0, **labels):
    """Nobody tells when a number gets there: the server is asked until it does."""
    limit = time.monotonic() + timeout
    while (found := world.metrics().sum(name, **labels)) != value:
        assert time.monotonic() < limit, f"{name} {labels} is {found} and not {value}"
