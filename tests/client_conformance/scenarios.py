"""What is done to a client, one function for each story; the names are those of `run.py --list`."""

import signal
import threading
import uuid
from collections.abc import Callable

from duties import Broken
from server import FLOW, hold, lose, refuse
from world import GLANCE, WATCH_AGAIN, World, outcomes, seconds

SCENARIOS: dict[str, Callable[[World], None]] = {}

CANCELLED = "aborted USER_CANCELLED"


def scenario(story: Callable[[World], None]):
    SCENARIOS[story.__name__] = story
    return story


@scenario
def login(w: World):
    """A plain redirect, twice in one home."""
    asked = threading.Event()

    def slow_step(do, server, context):
        # A browser that opens before the answer is seen meanwhile.
        w.expect("D7", not w.within(GLANCE, lambda: w.client.opened), "the browser opened before the answer of RecordStep")
        response = do()
        asked.set()
        return response

    w.server.plan["RecordStep"].append(slow_step)
    w.begin()
    w.expect("D7", asked.is_set(), "the browser opened without RecordStep(BROWSER_WAIT)")
    w.expect("D5", w.within(1, lambda: w.server.open_watches), "the browser opened, and no WatchFlow was open")
    answer = threading.Event()
    w.server.plan["ExchangeCode"].append(hold(answer))
    query = w.query()
    visit = w.visit(query)
    w.need_exchange()
    w.expect("D10", not w.within(GLANCE, lambda: visit.answered_at), "the page was answered before ExchangeCode was")
    w.expect("D9", w.exchanges()[0].request.redirect_query == query, "the query that arrived is not the redirect's")
    answer.set()
    w.need_page(visit)
    w.expect("D10", visit.status == 200 and visit.body, f"after a good exchange the page has status {visit.status}")
    _no_secret_on(w, visit)
    w.signed_in("D15")
    steps = [call.request.step for call in w.server.of("RecordStep")]
    w.expect("D14", steps[-1:] == [FLOW.STEP_PROFILE_CONFIGURE], "PROFILE_CONFIGURE is not the last step before the end")
    w.expect("D5", w.server.watches and not _closed_before_the_end(w), "WatchFlow was closed before the flow ended")
    first = w.server.of("StartFlow")[0].request
    w.begin()
    w.redirect()
    w.signed_in("D15")
    second = w.server.of("StartFlow")[-1].request
    w.expect("D2", first.request_id != second.request_id, "two runs used one request_id")
    one, two = first.invocation, second.invocation
    w.expect("D3", one.invocation_id != two.invocation_id, "two runs used one invocation_id")
    w.expect("D3", one.anonymous_id == two.anonymous_id, "anonymous_id is not kept from run to run")


def _closed_before_the_end(w: World) -> bool:
    finish = w.server.of("FinishFlow")
    return bool(finish) and all(watch.closed_at and watch.closed_at < finish[0].at for watch in w.server.watches)


def _no_secret_on(w: World, visit):
    w.expect("D10", not any(secret in visit.body for secret in w.server.secrets), "the page shows a code or a token")


def _is_no_success(w: World, visit):
    """A page of the same words as the page of a good exchange is not the truth."""
    success = w.success_page()
    w.expect("D10", visit.body != success, "the page is the one of a sign-in that worked")
    _no_secret_on(w, visit)


@scenario
def denial(w: World):
    """The person says no."""
    w.begin()
    query = f"error=access_denied&error_description=no+thanks&state={w.server.flow.state}"
    visit = w.visit(query)
    w.need_exchange()
    w.expect("D9", w.exchanges()[0].request.redirect_query == query, "the refusal that arrived is not the redirect's")
    w.need_page(visit)
    _is_no_success(w, visit)
    code = w.exit_code("D15")
    w.expect("D15", code != 0, "exit code 0, and nobody is signed in")
    w.expect("D15", "completed" not in outcomes(w.server.of("FinishFlow")), "FinishFlow(completed) after a denial")


@scenario
def strays(w: World):
    """Requests to the listener that are not the redirect."""
    w.begin()
    state = w.server.flow.state
    own = w.server.flow.redirect_uri.split("/", 3)[3]
    for what, query, path in (
        ("a favicon", None, "/favicon.ico"),
        ("another path with the right state", f"code=stray&state={state}", f"/{own}/elsewhere"),
        ("the own path without a query", None, None),
        ("a code with another state", f"code=stray&state={state[:-1]}~", None),
        ("a code without a state", "code=stray", None),
        ("an error without a state", "error=access_denied", None),
    ):
        visit = w.visit(query, path)
        w.within(2, lambda visit=visit: visit.answered_at or w.exchanges() or w.client.code is not None)
        w.expect("D8", not w.exchanges(), f"{what} was sent to ExchangeCode")
        w.expect("D8", w.client.code is None, f"{what} ended the client")
        w.expect("D8", 400 <= visit.status < 600, f"{what} was answered with {visit.status or 'nothing for 2 s'}")
        if w.verdicts.found["D8"]:
            return
    w.redirect()
    w.signed_in("D8")


def _interrupted(w: World, number: signal.Signals):
    begun = w.client.signal(number)
    w.need("D16", lambda: w.server.of("FinishFlow"), f"{number.name}: no FinishFlow within 2 s", 2)
    said = outcomes(w.server.of("FinishFlow"))
    w.expect("D16", said == [CANCELLED], f"{number.name}: FinishFlow said {said}")
    w.exit_code("D16", 5)
    took = w.client.ended_at - begun
    # Half a second is for the machine: the clock runs outside of the client.
    w.expect("D16", took < 1.5, f"{number.name}: the client took {seconds(took)}")
    w.expect("D15", w.client.code != 0, "exit code 0, and nobody is signed in")


@scenario
def ctrl_c(w: World):
    """SIGINT in the wait."""
    w.begin()
    _interrupted(w, signal.SIGINT)


@scenario
def terminated(w: World):
    """SIGTERM in the wait, and the server does not answer any more."""
    w.begin()
    never = threading.Event()
    w.server.plan["FinishFlow"].append(hold(never))
    try:
        _interrupted(w, signal.SIGTERM)
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
    _interrupted(w, signal.SIGINT)


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


@scenario
def answer_gone(w: World):
    """The server was restarted in the exchange: one more browser round trip in the same flow."""
    w.server.plan["ExchangeCode"].append(refuse("ANSWER_GONE"))
    w.begin()
    stale = w.query("stale")
    visit = w.visit(stale)
    w.need_page(visit)
    _is_no_success(w, visit)
    w.need_browser(2, "D12")
    w.expect("D12", len(w.server.flows) == 1, "a new flow was started instead of a new attempt")
    old = w.visit(stale)
    w.within(2, lambda: old.answered_at or len(w.exchanges()) > 1)
    w.expect("D12", len(w.exchanges()) == 1, "the redirect of the attempt before was taken once more")
    w.redirect()
    w.signed_in("D12")


@scenario
def code_refused(w: World):
    """The provider takes no code: three attempts, then the end."""
    w.server.plan["ExchangeCode"].extend([refuse("CODE_REFUSED")] * 4)
    w.begin()
    for attempt in (1, 2, 3):
        w.need_browser(attempt, "D12")
        w.redirect(f"code-{attempt}-{uuid.uuid4()}")
        w.need_exchange(attempt, "D12")
    code = w.exit_code("D12")
    said = outcomes(w.server.of("FinishFlow"))
    w.expect("D12", len(w.client.opened) == 3, f"the browser was opened {len(w.client.opened)} times")
    w.expect("D15", said == ["failed"] and code != 0, f"after a refusal FinishFlow said {said}, and the exit code is {code}")


@scenario
def mismatch(w: World):
    """The server, not the listener, finds that a redirect was not this flow's."""
    w.server.plan["ExchangeCode"].append(refuse("STATE_MISMATCH"))
    w.begin()
    visit = w.redirect("forged")
    w.need_page(visit, "D11")
    _is_no_success(w, visit)
    w.expect("D11", not w.within(GLANCE, lambda: w.client.code is not None), "STATE_MISMATCH ended the client")
    w.expect("D11", not w.server.of("FinishFlow"), "STATE_MISMATCH ended the flow")
    w.redirect()
    w.signed_in("D11")
    w.expect("D11", len(w.client.opened) == 1, "STATE_MISMATCH sent the person to the browser again")


@scenario
def refused(w: World):
    """The provider's answer is refused: there is nothing to try again."""
    w.server.plan["ExchangeCode"].append(refuse("ID_TOKEN_INVALID"))
    w.begin()
    visit = w.redirect()
    w.need_page(visit)
    _is_no_success(w, visit)
    code = w.exit_code("D15")
    said = outcomes(w.server.of("FinishFlow"))
    w.expect("D13", len(w.exchanges()) == 1, "a refusal was asked for again")
    w.expect("D15", said == ["failed"], f"the server refused, and FinishFlow said {said}: it is failed, without a class")
    w.expect("D15", code != 0, "exit code 0, and nobody is signed in")


@scenario
def other_redirect_uri(w: World):
    """The product wants another redirect URI than the usual one."""
    w.server.plan["StartFlow"].append(refuse("REDIRECT_URI_NOT_ALLOWED", redirect_uris="http://127.0.0.1:0/signed/in"))
    w.start()
    starts = lambda: w.server.of("StartFlow")  # noqa: E731
    w.need("D4", lambda: len(starts()) >= 2, "StartFlow was not called with a URI of the product's list")
    first, second = (call.request for call in starts()[:2])
    uri = second.redirect_uri
    w.expect("D4", uri.startswith("http://127.0.0.1:") and uri.endswith("/signed/in"), f"the second StartFlow has {uri!r}")
    w.expect("D4", first.request_id != second.request_id, "the second StartFlow has the request_id of the first")
    w.need_browser(1, "D4")
    w.redirect()
    w.signed_in("D4")


@scenario
def opted_out(w: World):
    """DO_NOT_TRACK=1."""
    w.begin(DO_NOT_TRACK="1")
    told = [call.request.invocation for call in w.server.calls if call.method in ("StartFlow", "StartCommand")]
    w.expect("D3", all(one.do_not_track for one in told), "DO_NOT_TRACK=1, and the invocation does not say so")
    named = [one for one in told if one.anonymous_id or one.user_id]
    w.expect("D3", not named, "DO_NOT_TRACK=1, and an id of the person was sent")
    w.redirect()
    w.signed_in("D15")


def always(w: World):
    """What holds in every story."""
    starts = [call.request for call in w.server.of("StartFlow")]
    for request in starts:
        try:
            version = uuid.UUID(request.request_id).version
        except ValueError:
            version = None
        w.expect("D2", version in (4, 7), "request_id is no UUID of version 4 or 7")
        w.expect("D2", request.request_id != request.invocation.invocation_id, "request_id is the invocation_id")
        run = request.invocation
        w.expect("D3", run.invocation_id and run.command, "invocation_id or command is empty")
        w.expect("D3", run.do_not_track or run.anonymous_id, "anonymous_id is empty, and nobody opted out")
    w.expect("D1", starts, "StartFlow was never called" + w.state())
    w.expect("D1", all(w.server.listening_at_start), "nobody listened at redirect_uri when StartFlow was called")
    for call in w.server.of("RecordStep"):
        forbidden = call.request.step in (FLOW.STEP_UNSPECIFIED, FLOW.STEP_CODE_EXCHANGE, FLOW.STEP_APPS_FETCH)
        w.expect("D14", not forbidden, f"RecordStep({FLOW.Step.Name(call.request.step)}) is not a client's to call")
    for flow in w.server.flows:
        said = outcomes([call for call in w.server.of("FinishFlow") if call.request.flow_token == flow.token])
        w.expect("D15", len(set(said)) <= 1, f"one flow was ended in several ways: {said}")
    for call in w.server.calls:
        w.expect("D18", call.has_deadline, f"{call.method} came without a deadline")
    if not starts:
        return
    text = "".join(client.output for client in w.clients)
    told = [secret for secret in w.server.secrets if secret in text]
    w.expect("D19", not told, "the client printed a token, a code or its request_id")
