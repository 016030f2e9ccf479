"""Who is woken up by an alert finds a section about it, and the alert has been seen firing."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load((PROMETHEUS / "authflow.alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}


def sections() -> dict[str, str]:
    """Anchor, as GitHub makes it, and text of each heading."""
    parts = re.split(r"^#+ (.+)$", OPERATIONS, flags=re.M)
    anchors = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in parts[1::2])
    return dict(zip(anchors, parts[2::2]))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_section_that_says_where_to_look_and_what_to_do(name):
    page, _, anchor = ALERTS[name]["annotations"]["runbook"].partition("#")
    assert (page, anchor) == ("docs/operations.md", name.lower())
    section = sections()[anchor]
    assert section.strip().startswith(f"{ALERTS[name]['labels']['severity'].capitalize()}. ")
    assert "- Look" in section and ("- Do: " in section or "- Look and do: " in section)


def test_no_section_is_about_an_alert_that_is_gone():
    assert {anchor for anchor in sections() if anchor.startswith("authflow")} == {name.lower() for name in ALERTS}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_was_seen_firing_and_seen_quiet(name):
    cases = [
        case
        for path in PROMETHEUS.glob("*.test.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == name
    ]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


def test_links_within_the_page_lead_somewhere():
    for anchor in re.findall(r"\]\(#([^)]+)\)", OPERATIONS):
        assert anchor in sections()
