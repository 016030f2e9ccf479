"""Streams and calls that break: a server that stops, is away, or whose answer is lost."""

from duties import Broken
from server import lose, refuse
from story import scenario
from world import GLANCE, WATCH_AGAIN, World, seconds


@scenario
def drain(w: World):
    """The server stops: the watch ends with draining, and later by a broken connection."""
    w.begin()
    w.need("D5", lambda: w.server.open_watches, "no WatchFlow was open in the wait", 2)
    for what, end in (
        ("draining", lambda: w.server.tell_watches(draining=True)),
        ("a broken connection", w.server.relay.cut),
    ):
        before = len(w.server.watches)
        end()
        again = w.within(WATCH_AGAIN, lambda before=before: len(w.server.watches) > before)
        w.expect("D6", again, f"no new WatchFlow within {seconds(WATCH_AGAIN)} of {what}")
        if not again:
            return
    w.redirect()
    w.signed_in("D6")


@scenario
def away(w: World):
    """The server refuses watches for a second and a half."""
    w.begin()
    w.need("D5", lambda: w.server.open_watches, "no WatchFlow was open in the wait", 2)
    with w.changed:
        before = len(w.server.watches)
        w.server.plan["WatchFlow"].append(refuse("STORE_UNAVAILABLE"))
    w.server.relay.cut()
    w.within(1.5, lambda: len(w.server.watches) > before + 40)
    with w.changed:
        w.server.plan["WatchFlow"].clear()
        tried = len(w.server.watches) - before
    w.expect("D6", tried <= 15, f"{tried} watches were opened in 1.5 s, without a pause that grows")
    w.expect("D6", w.within(WATCH_AGAIN, lambda: w.server.open_watches), "no new WatchFlow when the server was back")
    w.redirect()
    w.signed_in("D6")


@scenario
def replaced(w: World):
    """A newer watch took over: the client must not take it back."""
    w.begin()
    w.need("D5", lambda: w.server.open_watches, "no WatchFlow was open in the wait", 2)
    before = len(w.server.watches)
    w.server.tell_watches(replaced=True)
    again = w.within(GLANCE * 2, lambda: len(w.server.watches) > before)
    w.expect("D6", not again, "WatchFlow was opened again after it was told replaced")
    w.redirect()
    w.signed_in("D6")


@scenario
def lost_start(w: World):
    """The connection breaks before StartFlow is answered."""
    _lost(w, "StartFlow")


@scenario
def lost_step(w: World):
    """The connection breaks before RecordStep is answered."""
    _lost(w, "RecordStep")


@scenario
def lost_exchange(w: World):
    """The connection breaks before ExchangeCode is answered."""
    _lost(w, "ExchangeCode")


@scenario
def lost_finish(w: World):
    """The connection breaks before FinishFlow is answered."""
    _lost(w, "FinishFlow")


def _lost(w: World, method: str):
    w.server.plan[method].append(lose)
    w.start()
    seen = f"{method} was not called again after its answer was lost"
    if method in ("StartFlow", "RecordStep"):
        w.need("D13", lambda: len(w.server.of(method)) >= 2 or w.client.code is not None, seen)
    try:
        w.need_browser(1)
    except Broken as broken:
        raise Broken("D13", f"{seen}: {broken.seen}") from None
    visit = w.redirect()
    code = w.exit_code("D13")
    tries = w.server.of(method)
    w.expect("D13", len(tries) >= 2, seen)
    same = len({call.request.SerializeToString(deterministic=True) for call in tries[:2]}) == 1
    w.expect("D13", same, f"{method} was called again with another request")
    w.expect("D13", len(w.server.flows) == 1, "a second flow was opened for a lost answer")
    w.expect("D13", code == 0, f"{method}: one lost answer, and exit code {code}")
    if method == "ExchangeCode" and not w.verdicts.found["D13"]:
        w.expect("D13", len(w.client.opened) == 1, "one lost answer sent the person to the browser again")
        w.expect("D10", visit.body == w.success_page(), "the tokens came with the second try, and the page is another")
