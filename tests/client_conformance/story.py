"""The list of stories, and what several of them say."""

import signal
from collections.abc import Callable

from world import World, outcomes, seconds

SCENARIOS: dict[str, Callable[[World], None]] = {}

CANCELLED = "aborted USER_CANCELLED"


def scenario(story: Callable[[World], None]):
    SCENARIOS[story.__name__] = story
    return story


def no_secret_on(w: World, visit):
    w.expect("D10", not any(secret in visit.body for secret in w.server.secrets), "the page shows a code or a token")


def is_no_success(w: World, visit):
    """A page of the same words as the page of a good exchange is not the truth."""
    success = w.success_page()
    w.expect("D10", visit.body != success, "the page is the one of a sign-in that worked")
    no_secret_on(w, visit)


def interrupted(w: World, number: signal.Signals):
    begun = w.client.signal(number)
    w.need("D16", lambda: w.server.of("FinishFlow"), f"{number.name}: no FinishFlow within 2 s", 2)
    said = outcomes(w.server.of("FinishFlow"))
    w.expect("D16", said == [CANCELLED], f"{number.name}: FinishFlow said {said}")
    w.exit_code("D16", 5)
    took = w.client.ended_at - begun
    # Half a second is for the machine: the clock runs outside of the client.
    w.expect("D16", took < 1.5, f"{number.name}: the client took {seconds(took)}")
    w.expect("D15", w.client.code != 0, "exit code 0, and nobody is signed in")
