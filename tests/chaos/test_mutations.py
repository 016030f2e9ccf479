"""The planted bugs can still be planted; whether they are found, scripts/chaos --mutations shows."""

import subprocess
from pathlib import Path

import mutations
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutation", mutations.all_mutations()[1:], ids=lambda mutation: mutation.name)
def test_the_patch_fits_the_tree(mutation):
    done = subprocess.run(["git", "apply", "--check", str(mutation.patch)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
