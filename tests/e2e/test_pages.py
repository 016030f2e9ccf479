"""The page at the end of a sign-in: it tells the truth, to anybody, and asks nobody else for anything.

With AUTHFLOW_SCREENSHOTS=FOLDER it leaves pictures there: scripts/screenshots makes those of the docs that way.
"""

import os
from pathlib import Path

import pytest

PICTURES = os.environ.get("AUTHFLOW_SCREENSHOTS")


def refused(services):
    services.provider.post("/faults", {"endpoint": "token", "status": 400, "body": {"error": "invalid_grant"}, "times": 1})


def failed(services):
    services.provider.post("/faults", {"endpoint": "token", "status": 503, "times": 9})


def well(services):
    pass


# The page: what happens, what the person does, heading, text.
PAGES = {
    "signed_in": (well, {}, "You are signed in", "Signed in as alice@example.com."),
    "declined": (well, {"deny": True}, "You declined the sign-in", "You are not signed in, and nothing was shared."),
    "failed": (failed, {}, "The sign-in failed", "You are not signed in. The identity provider has a problem of its own"),
    "once_more": (refused, {}, "Once more, please", "The sign-in could not be finished this time"),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_last_page_tells_the_truth_to_everybody(world, services, name):
    happens, person, heading, text = PAGES[name]
    happens(services)
    run = world.machine().start("login", "--app-name", "Shop")
    picture = str(Path(PICTURES).resolve() / f"page-{name}.png") if PICTURES else ""
    page = run.browse(services.chromium, looks=True, screenshot=picture, **person)
    assert (page["h1"], page["title"]) == (heading, heading)
    assert text in page["text"]
    assert page["fetched"] == []
    for look, seen in page["looks"].items():
        assert seen == {"wrong": [], "overflows": False}, look
    if name == "once_more":
        return
    assert (run.ended().code == 0) == (name == "signed_in")
