"""What may come back from the browser, and what the server says to it."""

import threading
import uuid

from server import FLOW, hold, refuse
from story import is_no_success, no_secret_on, scenario
from world import GLANCE, World, outcomes


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
    no_secret_on(w, visit)
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


@scenario
def denial(w: World):
    """The person says no."""
    w.begin()
    query = f"error=access_denied&error_description=no+thanks&state={w.server.flow.state}"
    visit = w.visit(query)
    w.need_exchange()
    w.expect("D9", w.exchanges()[0].request.redirect_query == query, "the refusal that arrived is not the redirect's")
    w.need_page(visit)
    is_no_success(w, visit)
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


@scenario
def answer_gone(w: World):
    """The server was restarted in the exchange: one more browser round trip in the same flow."""
    w.server.plan["ExchangeCode"].append(refuse("ANSWER_GONE"))
    w.begin()
    stale = w.query("stale")
    visit = w.visit(stale)
    w.need_page(visit)
    is_no_success(w, visit)
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
    is_no_success(w, visit)
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
    is_no_success(w, visit)
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
