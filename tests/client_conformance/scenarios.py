"""All stories, and what holds in each of them."""

import uuid

import connections  # noqa: F401
import device  # noqa: F401
import ends  # noqa: F401
import redirects  # noqa: F401
from server import FLOW
from world import World, outcomes


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
    if not w.server.device_grant:
        w.expect("D1", all(w.server.listening_at_start), "nobody listened at redirect_uri when StartFlow was called")
    for call in w.server.of("RecordStep"):
        forbidden = call.request.step in (FLOW.STEP_UNSPECIFIED, FLOW.STEP_CODE_EXCHANGE, FLOW.STEP_APPS_FETCH)
        w.expect("D14", not forbidden, f"RecordStep({FLOW.Step.Name(call.request.step)}) is not a client's to call")
    for flow in w.server.flows:
        said = outcomes([call for call in w.server.of("FinishFlow") if call.request.flow_token == flow.token])
        w.expect("D15", len(set(said)) <= 1, f"one flow was ended in several ways: {said}")
    for call in w.server.calls:
        w.expect("D18", call.deadline is not None, f"{call.method} came without a deadline")
    if not starts:
        return
    text = "".join(client.output for client in w.clients)
    told = [secret for secret in w.server.secrets if secret in text]
    w.expect("D19", not told, "the client printed a token, a code or its request_id")
