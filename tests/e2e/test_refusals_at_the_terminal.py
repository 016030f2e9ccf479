"""What a person reads when a sign-in is refused: what went wrong, what to do, what to tell whoever runs the server."""

import re
import socket
from contextlib import ExitStack

import pytest
from support.wire_faults import free_ports, full_disk
from support.wire_world import LOCAL_APPLICATIONS, USER_IN_ANSWER, by_hand, product

OPERATOR = "Tell whoever runs the server, with the lines below."
ANEW = "Run the command again to start anew."

# The product; settings of the provider; how often a browser comes by; exit code; what is written, flow and class apart.
CASES = {
    "UNKNOWN_PRODUCT": (
        "nowhere",
        {},
        0,
        1,
        """
        authflow: This server does not serve that product.
        Check --product (or AUTHFLOW_PRODUCT) against the server's configuration.
        """,
    ),
    "PROVIDER_UNREACHABLE": (
        "away",
        {},
        0,
        1,
        """
        authflow: The identity provider cannot be reached (http://127.0.0.1:PORT: Failed to connect to 127.0.0.1 port
        PORT after 0 ms: Couldn't connect to server). Try again.
        """,
    ),
    "PROVIDER_RATE_LIMITED": (
        "shop",
        {"answer": "error_429"},
        1,
        1,
        "authflow: The identity provider has had too many requests. Try again in a while.",
    ),
    "PROVIDER_ERROR": (
        "shop",
        {"answer": "error_503"},
        1,
        1,
        "authflow: The identity provider has a problem of its own (HTTP 503). Try again later.",
    ),
    "PROVIDER_TIMEOUT": (
        "slow",
        {"fault": {"endpoint": "token", "hang": True, "times": 1}},
        1,
        1,
        """
        authflow: The identity provider did not answer in time (http://127.0.0.1:PORT: no answer within 300ms). Try
        again.
        """,
    ),
    "PROVIDER_INVALID_RESPONSE": (
        "shop",
        {"answer": "html"},
        1,
        1,
        f"""
        authflow: The identity provider's token endpoint answered HTTP 200 with what is no OAuth answer. The operator
        should check its endpoints.
        {OPERATOR}
        """,
    ),
    "PROVIDER_CLIENT_REFUSED": (
        "shop",
        {"answer": "error_200", "error": "invalid_client"},
        1,
        1,
        f"""
        authflow: The identity provider does not accept this product's client or its secret (invalid_client: The code
        passed is incorrect or expired.). The operator should check the client's registration.
        {OPERATOR}
        """,
    ),
    "CODE_REFUSED": (
        "shop",
        {"answer": "error_403"},
        3,
        1,
        f"""
        The sign-in could not be finished this time. Trying once more.
        The sign-in could not be finished this time. Trying once more.
        authflow: The identity provider refused the sign-in code: it has expired or was used before (invalid_code). Sign
        in once more in the browser.
        {ANEW}
        """,
    ),
    "ID_TOKEN_INVALID": (
        "openid",
        {"discovery": "on", "id_token": "wrong_nonce"},
        1,
        1,
        f"""
        authflow: The identity provider's id_token cannot be trusted: its nonce is not the one of this sign-in. Try
        again; if it stays so, tell the operator.
        {OPERATOR}
        """,
    ),
    "ISSUER_MISMATCH": (
        "openid",
        {"discovery": "on", "redirect": "wrong_iss"},
        1,
        1,
        f"""
        authflow: The redirect comes from another identity provider than the one asked. Sign in again in the browser.
        {OPERATOR}
        """,
    ),
    "IDENTITY_MISSING": (
        "shop",
        {"user_id": "missing"},
        1,
        1,
        f"""
        authflow: The identity provider did not say who signed in: its token answer's user has no usable "id". The
        operator should check the product's identity rules.
        {OPERATOR}
        """,
    ),
    "DENIED": (
        "shop",
        {"redirect": "denied"},
        1,
        2,
        f"""
        You declined the sign-in in the browser.
        {ANEW}
        """,
    ),
    "REGION_NOT_OFFERED": (
        "shop",
        {"region": "mars"},
        1,
        1,
        "authflow: The region is not offered; choose one of: eu, us.",
    ),
}


@pytest.fixture(scope="module")
def ports() -> list[int]:
    return free_ports(2)


@pytest.fixture(scope="module")
def server(new_shared_wire, odd_program, ports):
    base = odd_program.base
    listed = " ".join(f"ports: {port}" for port in ports)
    return new_shared_wire(
        lambda world: product("shop", by_hand(base, USER_IN_ANSWER), LOCAL_APPLICATIONS, sink=world.segment_sink())
        + product("openid", f'issuer: "{base}" client_id: "odd-cli"')
        + product("slow", by_hand(base, USER_IN_ANSWER + " timeout { nanos: 300000000 }"))
        + product("away", f'issuer: "http://127.0.0.1:{free_ports(1)[0]}" client_id: "odd-cli"')
        + product("ports", by_hand(base, USER_IN_ANSWER), redirect=listed)
    )


@pytest.fixture
def person(server, odd, request):
    """Runs a login as somebody with a machine of their own."""
    odd.set(user_in_token=True, user_key="id")
    laptop = server.machine(re.sub(r"\W+", "-", request.node.name), "shop")

    def login(product: str, *arguments: str, visits: int = 1):
        run = laptop.start("login", "--app-name", "Books", *arguments, AUTHFLOW_PRODUCT=product)
        for _ in range(visits):
            run.browse()
        return run

    return login


def written(ended) -> list[str]:
    """What stands on standard error, but for the address that is to be opened."""
    rows = [row for row in ended.err.splitlines() if row and not row.startswith(("http", "Your browser opens"))]
    return [re.sub(r"(port |127\.0\.0\.1:)\d+", r"\1PORT", re.sub(r"after \d+ ms", "after 0 ms", row)) for row in rows]


def sentences(text: str) -> list[str]:
    """Rows as they are written here: one that begins with a small letter goes on with the row before."""
    rows: list[str] = []
    for row in (line.strip() for line in text.strip().splitlines()):
        starts = row.startswith("authflow: ") or (row[0].isupper() and (not rows or rows[-1].endswith(".")))
        rows[len(rows) if starts else -1 :] = [row] if starts else [f"{rows[-1]} {row}"]
    return rows


@pytest.mark.parametrize("name", CASES)
def test_a_refused_sign_in_reads_well(server, odd, person, name):
    product, how, visits, code, text = CASES[name]
    settings = dict(how)
    arguments = ("--region", settings.pop("region")) if "region" in settings else ()
    if fault := settings.pop("fault", None):
        odd.fault(**fault)
    if settings:
        odd.set(**settings)
    run = person(product, *arguments, visits=visits)
    ended = run.ended()
    assert ended.code == code
    rows = written(ended)
    flow = ["Flow: " + row.removeprefix("Flow: ") for row in rows if row.startswith("Flow: ")]
    about = [] if name == "DENIED" else [f"Error class: {name}"]
    assert rows == sentences(text) + flow + about
    assert len(flow) == (0 if name == "UNKNOWN_PRODUCT" else 1)
    if name != "UNKNOWN_PRODUCT":
        last = run.events()[-2]["properties"] if product == "shop" else {}
        assert last.get("flow_id", flow[0].split()[1]) == flow[0].split()[1]


def test_busy_ports_are_an_error_where_nothing_can_be_pasted(person, ports):
    with ExitStack() as taken:
        for port in ports:
            taken.enter_context(socket.create_server(("127.0.0.1", port)))
        ended = person("ports", visits=0).ended()
    assert ended.code == 1
    rows = written(ended)
    assert rows[0] == (
        "authflow: Each port that the sign-in may come back to is taken by another program: free one, or run this in a "
        "terminal where you can paste the address."
    )
    assert rows[-1] == "Error class: CLIENT_PORTS_BUSY"


def test_the_second_port_of_the_list_is_used_when_the_first_is_busy(person, ports):
    with socket.create_server(("127.0.0.1", ports[0])):
        run = person("ports", visits=0)
        url = run.url()
        assert f"127.0.0.1%3A{ports[1]}%2Fcallback" in url
        run.browse(url=url)
        assert run.ended().code == 0


def test_a_full_disk_is_told_and_the_next_login_works(server, person):
    with full_disk(server):
        ended = person("shop", visits=0).ended()
    assert ended.code == 1
    assert written(ended) == [
        "authflow: The server's disk is full, and nothing was recorded (disk I/O error, SQLite 778). Its operator must "
        "make room.",
        OPERATOR,
        "Error class: STORE_FULL",
    ]
    assert person("shop").ended().code == 0
