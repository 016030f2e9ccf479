"""Nothing that opens a door, and nothing that names a person, is at the server but in memory.

A client that is no CLI of ours goes through logins, good ones and bad ones, and keeps every secret that it meets; then the
server's logs, its data folder, its metrics and its error messages are searched for each of them, in the forms that programs
write: as it is, percent-encoded, in base64, in hexadecimal.
"""

import base64
import re
import urllib.parse
import uuid

import grpc
import pytest
from support import rpc
from support.recorder import Landing, TokenRelay
from support.rpc import flow as flow_messages
from support.rpc import flows, tokens
from support.world import Product, leaks

CLIENT_SECRET = "svc-secret-0123456789abcdef"


def forms_of(secret: str) -> list[bytes]:
    raw = secret.encode()
    written = {
        raw,
        urllib.parse.quote(secret, safe="").encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        raw.hex().encode(),
    }
    try:
        # State, nonce, verifier and flow token are base64url of bytes that would be as good.
        decoded = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        if len(decoded) >= 16:
            written |= {decoded, decoded.hex().encode()}
    except ValueError:
        pass
    return [form for form in written if len(form) >= 8]


class Collector:
    """A client that keeps what must be found nowhere."""

    def __init__(self, world, landing: Landing):
        self.world = world
        self.api = rpc.Api(world.grpc)
        self.landing = landing
        self.secrets: dict[str, str] = {}
        self.messages: list[str] = []

    def keep(self, name: str, value: str):
        if value:
            self.secrets[f"{name}-{len(self.secrets)}"] = value

    def call(self, method, request):
        try:
            return method(request, timeout=20)
        except grpc.RpcError as error:
            self.messages.append(f"{error.details()} {rpc.error_info(error)}")
            return None

    def start(self, **fields):
        request_id = str(uuid.uuid4())
        self.keep("request_id", request_id)
        self.keep("request_id", request_id.replace("-", ""))
        who = rpc.Invocation(
            invocation_id=str(uuid.uuid4()), anonymous_id=str(uuid.uuid4()), command="tool auth login"
        )
        opened = self.call(
            self.api.flows.StartFlow,
            flows.StartFlowRequest(
                request_id=request_id,
                product="acme",
                kind=flow_messages.FLOW_KIND_LOGIN,
                redirect_uri=self.landing.redirect_uri,
                login_hint="alice@example.com",
                invocation=who,
                **fields,
            ),
        )
        self.keep("flow_token", opened.flow_token)
        self.keep("state", opened.state)
        for name in ("nonce", "code_challenge"):
            self.keep(name, re.search(rf"[?&]{name}=([^&]+)", opened.authorization_url)[1])
        self.call(
            self.api.flows.RecordStep,
            flows.RecordStepRequest(flow_token=opened.flow_token, step=flow_messages.STEP_BROWSER_WAIT),
        )
        return opened

    def browse(self, opened, **person) -> str:
        page = self.world.services.http.post("/open", {"url": opened.authorization_url, **person})
        assert page["ok"], page
        query = self.landing.queries[-1]
        for name, value in urllib.parse.parse_qsl(query):
            if name in ("code", "state"):
                self.keep(name, value)
        return query

    def exchange(self, opened, query: str):
        answer = self.call(
            self.api.tokens.ExchangeCode,
            tokens.ExchangeCodeRequest(flow_token=opened.flow_token, redirect_query=query),
        )
        if answer is not None:
            self.keep_tokens(answer.tokens)
        return answer

    def keep_tokens(self, given):
        for name in ("access_token", "refresh_token", "id_token"):
            self.keep(name, getattr(given, name))


@pytest.fixture
def relay(services):
    relay = TokenRelay(f"{services.issuer}/token")
    yield relay
    relay.close()


@pytest.fixture
def landing():
    landing = Landing()
    yield landing
    landing.close()


def test_no_secret_and_no_person_is_in_logs_data_metrics_or_messages(new_world, services, relay, landing, tmp_path):
    secret_file = tmp_path / "client_secret"
    secret_file.write_text(CLIENT_SECRET + "\n")
    provider = (
        "client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC\n"
        f'client_secret {{ file: "{secret_file}" }}\n'
        f'endpoints {{ token: "{relay.url}/token" }}'
    )
    world = new_world(products=(Product(client_id="svc", provider=provider),))
    client = Collector(world, landing)
    client.secrets |= {"client_secret": CLIENT_SECRET, "email": "alice@example.com", "name": "Alice Example"}

    # A good one, its tokens renewed and given back.
    opened = client.start()
    query = client.browse(opened)
    signed_in = client.exchange(opened, query)
    assert signed_in is not None, client.messages
    client.exchange(opened, query)
    renewed = client.call(
        client.api.tokens.RefreshToken,
        tokens.RefreshTokenRequest(product="acme", refresh_token=signed_in.tokens.refresh_token),
    )
    client.keep_tokens(renewed.tokens)
    client.call(client.api.tokens.RevokeToken, tokens.RevokeTokenRequest(product="acme", tokens=renewed.tokens))
    # Refused: the same token again, another's code, a wrong state, garbage, a provider that repeats what it was sent.
    client.call(
        client.api.tokens.RefreshToken,
        tokens.RefreshTokenRequest(product="acme", refresh_token=renewed.tokens.refresh_token),
    )
    second = client.start()
    client.exchange(second, query)
    client.exchange(second, client.browse(second).replace("state=", "state=x"))
    client.exchange(second, "code=a-made-up-code-0123456789&state=" + second.state)
    client.keep("code", "a-made-up-code-0123456789")
    client.call(
        client.api.flows.GetFlow, flows.GetFlowRequest(flow_token=second.flow_token[:-4] + "AAAA")
    )
    third = client.start()
    echo = client.browse(third)
    code = dict(urllib.parse.parse_qsl(echo))["code"]
    services.provider.post(
        "/faults",
        {"endpoint": "token", "status": 500, "body": {"error": "server_error", "error_description": code}, "times": 1},
    )
    client.exchange(third, echo)
    denied = client.start()
    client.exchange(denied, client.browse(denied, deny=True))
    client.api.close()

    for form in relay.forms:
        for name, value in urllib.parse.parse_qsl(form):
            if name in ("code", "code_verifier", "refresh_token"):
                client.keep(name, value)
    assert any(name.startswith("code_verifier") for name in client.secrets)
    assert relay.authorizations, "the client authenticates with its secret"
    world.wait_event("CLI Auth Aborted", reason="denied")
    world.wait_delivered()

    metrics = tmp_path / "messages"
    metrics.mkdir()
    (metrics / "metrics").write_text(world.metrics().text)
    (metrics / "messages").write_text("\n".join(client.messages))
    assert len(client.messages) >= 6, client.messages
    assert world.server.stop() == 0
    logs = tmp_path / "server-logs"
    logs.mkdir()
    for path in world.logs.glob("authflowd-*"):
        (logs / path.name).write_bytes(path.read_bytes())
    # The search finds what is there.
    assert leaks({"flow_id": opened.flow.flow_id}, logs, forms_of)
    for folder in (world.data, logs, metrics):
        assert leaks(client.secrets, folder, forms_of) == []


def test_the_key_is_a_file_of_its_own_that_others_cannot_read(world):
    keys = [path for path in world.data.rglob("*") if path.is_file() and "key" in path.name]
    assert keys, sorted(world.data.rglob("*"))
    for path in keys:
        assert path.stat().st_mode & 0o777 == 0o600
