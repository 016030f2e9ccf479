"""The provider of whole logins: token_endpoint.cc, and a product that signs in there."""

from pathlib import Path

import support

PRODUCT = """
products {{
  id: "bench"
  provider {{ issuer: "http://{address}" client_id: "bench-cli" }}
  applications {{ local {{ regions: "eu" }} }}
  sink {{ file {{ path: "events.jsonl" }} }}
}}
"""


class TokenEndpoint(support.Program):
    """Real id_tokens (ES256), each answer after `latency_ms`."""

    def __init__(self, bin_folder: Path, folder: Path, latency_ms: int = 0):
        command = [bin_folder / "tests/bench/token_endpoint", "127.0.0.1", latency_ms]
        super().__init__(command, r"READY (\S+)", folder / "token_endpoint.log")

    def product(self) -> str:
        return PRODUCT.format(address=self.address)
