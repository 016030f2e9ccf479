"""What gRPC does by itself with the service config that is published for clients."""

import json
import threading
import uuid
from pathlib import Path

import grpc
import pytest
from server import FLOW, Refused, Server, lose
from support import rpc

PATH = Path(__file__).resolve().parents[2] / "protos/authflow/v1/service_config.json"
FILES = (rpc.flows, rpc.tokens, rpc.applications, rpc.commands)


@pytest.fixture
def server():
    server = Server(threading.Condition(threading.RLock()))
    yield server
    server.close()


@pytest.fixture
def channel(server):
    options = [("grpc.service_config", PATH.read_text()), ("grpc.initial_reconnect_backoff_ms", 50)]
    with grpc.insecure_channel(f"127.0.0.1:{server.relay.port}", options) as channel:
        yield channel


def start(channel) -> rpc.flows.StartFlowResponse:
    request = rpc.flows.StartFlowRequest(
        request_id=str(uuid.uuid4()), product="conformance", kind=FLOW.FLOW_KIND_LOGIN, redirect_uri="http://127.0.0.1:1/"
    )
    return rpc.flow_service_pb2_grpc.FlowServiceStub(channel).StartFlow(request)


def test_each_rpc_is_named_by_itself_or_by_its_service():
    config = json.loads(PATH.read_text())
    named = {}
    for entry in config["methodConfig"]:
        for name in entry["name"]:
            key = (name["service"], name.get("method", ""))
            assert key not in named
            named[key] = entry
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                # As gRPC looks it up: the method, then its service.
                entry = named.pop((service.full_name, method.name), None) or named.get((service.full_name, ""))
                once = method.name != "WatchFlow"
                assert ("timeout" in entry, "retryPolicy" in entry) == (once, once), method.full_name
    assert all(method == "" for _, method in named), f"there are no RPCs {named.keys()}"


def test_a_lost_answer_is_asked_for_again_with_the_same_request(server, channel):
    server.plan["StartFlow"].append(lose)
    assert start(channel).flow_token == server.flow.token
    first, second = (call.request for call in server.of("StartFlow"))
    assert first == second and len(server.flows) == 1


def test_a_refusal_is_not_asked_for_again(server, channel):
    def refuse(do, server, context):
        raise Refused("UNKNOWN_PRODUCT")

    server.plan["StartFlow"].append(refuse)
    with pytest.raises(grpc.RpcError) as refused:
        start(channel)
    assert rpc.error_reason(refused.value) == "UNKNOWN_PRODUCT"
    assert len(server.of("StartFlow")) == 1


def test_after_five_tries_the_caller_is_told(server, channel):
    server.plan["StartFlow"].extend([lose] * 9)
    with pytest.raises(grpc.RpcError) as lost:
        start(channel)
    assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(server.of("StartFlow")) == 5
