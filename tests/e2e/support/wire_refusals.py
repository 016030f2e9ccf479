"""What a refusal must be: its class's gRPC code as the proto says it, ErrorInfo, and a sentence that helps and gives nothing away."""

import re
from pathlib import Path

import grpc
import pytest

from support import rpc

_PROTO = Path(rpc.ROOT) / "protos/authflow/v1/error_class.proto"
_PREFIX = "ERROR_CLASS_"


def _codes() -> dict[str, str]:
    """Error class -> gRPC code, read from the comments of the proto; "" where the comment begins with none."""
    codes = {}
    comment: list[str] = []
    for row in _PROTO.read_text().splitlines():
        row = row.strip()
        if row.startswith("//"):
            comment.append(row[2:].strip())
            continue
        if value := re.fullmatch(rf"{_PREFIX}(\w+) = (\d+);", row):
            code = re.match(r"([A-Z_]+)\.", " ".join(comment))
            codes[value[1]] = code[1] if code else ""
        comment = []
    return codes


CODES = _codes()
# Each value but UNSPECIFIED, as reasons and events name it.
CLASSES = [name for name in CODES if name != "UNSPECIFIED"]
CLIENT_CLASSES = [name for name in CLASSES if name.startswith("CLIENT_")]


def number(name: str) -> int:
    return rpc.error_class.ErrorClass.Value(_PREFIX + name)


def check(error: grpc.RpcError, name: str, secrets: tuple[str, ...] = ()):
    """All that holds for each refusal; gives its ErrorInfo."""
    info = rpc.error_info(error)
    assert info is not None, f"{error.code()} {error.details()!r} has no ErrorInfo"
    sentence = error.details()
    assert (info.reason, error.code().name) == (name, CODES[name]), sentence
    assert info.domain == "authflow"
    assert len(sentence.split()) >= 3, f"no sentence: {sentence!r}"
    assert sentence.isprintable() and sentence.isascii(), f"not escaped: {sentence!r}"
    assert len(sentence) < 600, "too long for a terminal"
    for text in (sentence, *info.metadata.values()):
        for secret in secrets:
            assert len(secret) > 3 and secret not in text, f"{text!r} gives {secret!r} away"
    return info


def refused(name: str, call, *secrets: str) -> grpc.RpcError:
    """Calls, and expects that refusal."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    check(caught.value, name, secrets)
    return caught.value
