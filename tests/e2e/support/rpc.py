"""gRPC stubs, made by protoc from the project's own protos, and what a status says."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[3]


def _generate() -> Path:
    out = Path(tempfile.mkdtemp(prefix="authflow-stubs-"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    protos = sorted((ROOT / "protos").rglob("*.proto"))
    google = [ROOT / "third_party/googleapis/google/rpc" / name for name in ("status.proto", "error_details.proto")]
    subprocess.run(
        [
            "protoc",
            f"-I{ROOT / 'protos'}",
            f"-I{ROOT / 'third_party/googleapis'}",
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin",
            *map(str, protos + google),
        ],
        check=True,
    )
    return out


_STUBS = _generate()
sys.path.insert(0, str(_STUBS))
import google  # noqa: E402

google.__path__.append(str(_STUBS / "google"))

from authflow.v1 import (  # noqa: E402
    application_service_pb2,
    application_service_pb2_grpc,
    command_service_pb2,
    command_service_pb2_grpc,
    error_class_pb2,
    flow_pb2,
    flow_service_pb2,
    flow_service_pb2_grpc,
    invocation_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
)
from google.rpc import error_details_pb2, status_pb2  # noqa: E402

Invocation = invocation_pb2.Invocation
flows = flow_service_pb2
tokens = token_service_pb2
applications = application_service_pb2
commands = command_service_pb2
flow = flow_pb2
error_class = error_class_pb2


class Api:
    """The four services over one channel."""

    def __init__(self, address: str):
        self.channel = grpc.insecure_channel(address)
        self.flows = flow_service_pb2_grpc.FlowServiceStub(self.channel)
        self.tokens = token_service_pb2_grpc.TokenServiceStub(self.channel)
        self.applications = application_service_pb2_grpc.ApplicationServiceStub(self.channel)
        self.commands = command_service_pb2_grpc.CommandServiceStub(self.channel)

    def close(self):
        self.channel.close()


def error_info(error: grpc.RpcError):
    """The ErrorInfo of a refusal, or None."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info
    return None


def error_reason(error: grpc.RpcError) -> str:
    info = error_info(error)
    return info.reason if info is not None else f"(none: {error.code()} {error.details()})"
