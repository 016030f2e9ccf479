"""Signals in the wait, and a server that ends the flow."""

import signal
import threading

from server import FLOW, hold
from story import interrupted, scenario
from world import GLANCE, World, seconds


@scenario
def ctrl_c(w: World):
    """SIGINT in the wait."""
    w.begin()
    interrupted(w, signal.SIGINT)


@scenario
def terminated(w: World):
    """SIGTERM in the wait, and the server does not answer any more."""
    w.begin()
    never = threading.Event()
    w.server.plan["FinishFlow"].append(hold(never))
    try:
        interrupted(w, signal.SIGTERM)
    finally:
        never.set()


@scenario
def ctrl_c_early(w: World):
    """SIGINT while StartFlow is under way; its answer comes a moment later."""
    answer = threading.Event()
    w.server.plan["StartFlow"].append(hold(answer))
    w.start()
    w.need("D1", lambda: w.server.flows, "StartFlow was never called")
    threading.Timer(0.1, answer.set).start()
    interrupted(w, signal.SIGINT)


@scenario
def ctrl_c_unanswered(w: World):
    """SIGINT while StartFlow is under way, and no answer comes."""
    never = threading.Event()
    w.server.plan["StartFlow"].append(hold(never))
    w.start()
    w.need("D1", lambda: w.server.flows, "StartFlow was never called")
    begun = w.client.signal(signal.SIGINT)
    try:
        w.exit_code("D16", 5)
    finally:
        never.set()
    w.expect("D16", w.client.ended_at - begun < 1.5, f"SIGINT in StartFlow: the client took {seconds(w.client.ended_at - begun)}")


@scenario
def killed(w: World):
    """SIGKILL in the wait: the watch breaks, and nothing else is asked."""
    w.begin()
    w.need("D5", lambda: w.server.open_watches, "no WatchFlow was open in the wait", 2)
    w.client.signal(signal.SIGKILL)
    broke = w.within(3, lambda: not w.server.open_watches)
    w.expect("D5", broke, "the client was killed, and its WatchFlow stayed open for 3 s")
    asked = len(w.server.calls)
    more = w.within(GLANCE, lambda: len(w.server.calls) > asked or w.server.open_watches)
    w.expect("D5", not more, "the client was killed, and something went on calling")


@scenario
def expired(w: World):
    """The server ends the flow in the wait."""
    w.begin()
    w.need("D5", lambda: w.server.open_watches, "no WatchFlow was open in the wait", 2)
    with w.changed:
        asked = len(w.server.work())
    w.server.end_flow(FLOW.Outcome(aborted=FLOW.Outcome.Aborted(reason=FLOW.ABORT_REASON_EXPIRED)))
    code = w.exit_code("D17", 4)
    more = [call.method for call in w.server.work()[asked:]]
    w.expect("D17", not more, f"the flow had ended, and {', '.join(more)} was called")
    w.expect("D17", code != 0, "exit code 0, and nobody is signed in")
