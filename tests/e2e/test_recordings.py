"""docs/recordings show what a terminal shows today."""

import re
import sys

import pytest
from support.world import ROOT

sys.path.insert(0, str(ROOT / "tests/demo"))
import recordings  # noqa: E402

# Lines there are as long as their numbers, and two entries of a log may come in either order.
OPERATORS = ("tail", "flow", "funnel")
NAMES = [name for name, _, _ in recordings.RECORDINGS if name not in OPERATORS]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, str]:
    return recordings.record(tmp_path_factory.mktemp("recordings"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_fresh(made, name):
    kept = (ROOT / f"docs/recordings/{name}.txt").read_text()
    assert re.sub(r"\d+", "0", made[name]) == re.sub(r"\d+", "0", kept), "scripts/recordings makes them anew"


@pytest.mark.parametrize("name", [name for name, _, options in recordings.RECORDINGS if "width" not in options])
def test_no_word_is_broken_at_80_columns(made, name):
    """But for addresses, which are longer, and JSON; a row that begins with # is ours."""
    full = [row for row in made[name].splitlines() if len(row) == recordings.WIDTH and not row.startswith("#")]
    assert [row for row in full if not re.search(r"https?://|%\d|xxx|&|\"message\": ", row)] == []
