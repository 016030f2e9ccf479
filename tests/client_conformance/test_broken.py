"""A client that breaks a duty is found, and no other duty is blamed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

BROKEN = Path(__file__).resolve().parent / "broken_client.py"


@pytest.fixture(scope="module")
def breaches(stubs) -> dict:
    import sys

    sys.path.insert(0, str(stubs))
    import broken_client

    return broken_client.BREACHES


@pytest.fixture(scope="module")
def reports(examine, breaches) -> dict:
    """All at once: most of them wait for something that does not come."""

    def one(name: str):
        return name, examine("/usr/bin/python3", BROKEN, name, only=breaches[name][1], patience=8, device="--device")

    with ThreadPoolExecutor(6) as pool:
        return dict(pool.map(one, breaches))


def test_each_breach_is_found_as_its_duty_and_no_other(reports, breaches):
    wrong = {
        name: report.text
        for name, report in reports.items()
        if (report.code, list(report.broken)) != (1, [breaches[name][0]])
    }
    assert not wrong, "\n".join(f"{name} ({breaches[name][0]}):\n{text}" for name, text in wrong.items())


def test_a_client_that_does_nothing_keeps_no_duty(examine):
    report = examine("true", patience=2)
    assert (report.code, report.ok) == (1, []) and "D1" in report.broken, report.text
    assert all(f"\n{duty} " in f"\n{report.text}" for duty in ("D1", "D2", "D19")), report.text


def test_each_duty_of_the_guide_has_a_breach_and_a_line_in_the_guide(breaches):
    from duties import DUTIES

    assert {duty for duty, _, _ in breaches.values()} == set(DUTIES)
    guide = (BROKEN.parents[2] / "docs/client-guide.md").read_text()
    assert [line for line in guide.splitlines() if line.startswith("**D")] and all(
        f"\n**{duty} {words}" in guide for duty, words in DUTIES.items()
    )
