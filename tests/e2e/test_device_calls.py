"""The calls of the device grant, as a client in another language makes them."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from support import rpc
from support.rpc import flow as flows
from support.wire_client import Wire
from support.wire_refusals import refused


@pytest.fixture
def world(new_world, services):
    world = new_world()
    services.provider.post("/reset")
    return world


@pytest.fixture
def api(world):
    client = Wire(world.grpc)
    yield client
    client.close()


def start_device(api, token: str):
    return api.tokens.StartDeviceAuthorization(rpc.tokens.StartDeviceAuthorizationRequest(flow_token=token), timeout=30)


def await_device(api, token: str, device_code: str):
    """Until there is an answer."""
    request = rpc.tokens.AwaitDeviceRequest(flow_token=token, device_code=device_code)
    while (answer := api.tokens.AwaitDevice(request, timeout=60)).pending:
        pass
    return answer


def in_the_browser_wait(api):
    login = api.start("acme")
    assert login.answer.device_grant
    api.step(login.token, flows.STEP_BROWSER_WAIT)
    return login


def test_repeats_get_one_code_each_and_one_answer(world, api, services):
    login = in_the_browser_wait(api)
    first, second = start_device(api, login.token), start_device(api, login.token)
    assert first.user_code != second.user_code
    services.http.post("/open", {"url": second.verification_uri_complete})
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: await_device(api, login.token, second.device_code), range(4)))
    assert len({answer.tokens.access_token for answer in answers}) == 1
    assert await_device(api, login.token, second.device_code) == answers[0]
    refused("CODE_USED", lambda: await_device(api, login.token, first.device_code))
    world.server.kill()
    world.start()
    api.wait_ready()
    refused("ANSWER_GONE", lambda: await_device(api, login.token, second.device_code))
    assert services.provider.get("/counts")["token"]["answered"] <= 3


def test_a_code_is_bound_to_its_flow_and_attempt(api):
    login, other = in_the_browser_wait(api), in_the_browser_wait(api)
    device = start_device(api, login.token)
    refused("STATE_MISMATCH", lambda: await_device(api, other.token, device.device_code))
    refused("STATE_MISMATCH", lambda: await_device(api, login.token, device.device_code[:-1]))
    early = api.start("acme")
    refused("STEP_NOT_ALLOWED", lambda: start_device(api, early.token))


def test_the_end_of_a_call_ends_the_asking(api, services):
    login = in_the_browser_wait(api)
    device = start_device(api, login.token)
    request = rpc.tokens.AwaitDeviceRequest(flow_token=login.token, device_code=device.device_code)
    with pytest.raises(grpc.RpcError):
        api.tokens.AwaitDevice(request, timeout=0.5)
    other = in_the_browser_wait(api)
    kept = start_device(api, other.token)
    services.provider.post("/reset")
    services.http.post("/open", {"url": kept.verification_uri_complete})
    await_device(api, other.token, kept.device_code)
    assert services.provider.get("/counts")["token"]["arrived"] == 1
