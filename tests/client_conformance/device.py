"""The device grant (RFC 8628), for clients that offer it: a code to type in anywhere, instead of the browser."""

import signal
import threading

from duties import Broken
from server import hold, lose, pending, refuse
from story import interrupted, scenario
from world import GLANCE, World, outcomes


def begin(w: World, number: int = 1):
    """Up to the wait, with the code of that number shown."""
    if number == 1:
        w.start_with_device()
    duty, seen = ("D20", "no code was asked for") if number == 1 else ("D12", "no other code was asked for")
    asked = lambda: len(w.server.of("StartDeviceAuthorization")) >= number  # noqa: E731
    w.need(duty, lambda: asked() or w.client.code is not None, seen)
    if not asked():
        raise Broken(duty, seen + w.state())
    waits = lambda: len(w.server.of("AwaitDevice")) >= number or w.client.code is not None  # noqa: E731
    w.need("D20", waits, "AwaitDevice was not called")
    code = w.server.flow.user_codes[-1]
    shown = lambda: code in w.client.output and w.server.verification_uri in w.client.output  # noqa: E731
    w.expect("D20", w.within(2, shown), "user_code and verification_uri are not shown as they came")
    w.expect("D5", w.within(1, lambda: w.server.watches), "the code is waited for, and WatchFlow was not called")


def same_question(w: World) -> bool:
    return len({call.request.SerializeToString(deterministic=True) for call in w.server.of("AwaitDevice")}) == 1


@scenario
def device(w: World):
    """The code is used while the second call waits for that; then a login in the same home."""
    used = threading.Event()
    w.server.plan["AwaitDevice"].extend([pending, hold(used)])
    begin(w)
    w.need("D20", lambda: len(w.server.of("AwaitDevice")) >= 2, "pending was answered, and AwaitDevice not called again")
    w.expect("D20", same_question(w), "AwaitDevice was called again with another request")
    w.expect("D20", not w.within(GLANCE, lambda: w.client.code is not None), "the client ended in the wait")
    used.set()
    w.signed_in("D20")
    held = all(call.deadline > 30 for call in w.server.of("AwaitDevice"))
    w.expect("D20", held, "AwaitDevice has a deadline of less than 30 s, and is held for 20 s")
    w.expect("D20", not w.exchanges(), "ExchangeCode was called, and there was no redirect")
    w.expect("D7", not w.client.opened, "the browser was opened, and a code was asked for")


@scenario
def device_lost(w: World):
    """The connection breaks before AwaitDevice is answered."""
    w.server.plan["AwaitDevice"].append(lose)
    begin(w)
    w.need("D13", lambda: len(w.server.of("AwaitDevice")) >= 2, "AwaitDevice was not called again after its answer was lost")
    w.expect("D13", same_question(w), "AwaitDevice was called again with another request")
    w.signed_in("D13")


@scenario
def device_late(w: World):
    """The code was not used in time: another one, in the same flow."""
    w.server.plan["AwaitDevice"].append(refuse("CODE_REFUSED"))
    begin(w)
    begin(w, 2)
    w.expect("D12", w.server.flow.attempt == 2, "another code was asked for without RecordStep(BROWSER_WAIT)")
    w.expect("D12", len(w.server.flows) == 1, "a new flow was started instead of a new attempt")
    w.signed_in("D12")


@scenario
def device_denied(w: World):
    """The person says no."""
    w.server.plan["AwaitDevice"].append(refuse("DENIED"))
    begin(w)
    code = w.exit_code("D15")
    w.expect("D15", code != 0, "exit code 0, and nobody is signed in")
    w.expect("D15", "completed" not in outcomes(w.server.of("FinishFlow")), "FinishFlow(completed) after a denial")


@scenario
def device_ctrl_c(w: World):
    """SIGINT while the code is waited for."""
    never = threading.Event()
    w.server.plan["AwaitDevice"].append(hold(never))
    begin(w)
    try:
        interrupted(w, signal.SIGINT)
    finally:
        never.set()
