"""Who gives tokens out (OpenID Connect, client credentials), as small as it can be."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "scorer", "right-secret"
ISSUER, AUDIENCE = "https://issuer.example", "kafka"
_VALID_SECONDS = 300


class TokenIssuer:
    """Signs tokens for whoever knows the secret; the keys that prove it are public."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.address = ""
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        """Where tokens are given out."""
        return f"{self.address}/token"

    @property
    def keys_address(self) -> str:
        """Where a broker finds the keys."""
        return f"{self.address}/keys"

    def keys(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256"}
        return {"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]}

    def token(self, subject: str) -> str:
        """A JSON Web Token for the brokers."""
        now = int(time.time())
        known = {"sub": subject, "iss": ISSUER, "aud": AUDIENCE}
        claims = {**known, "iat": now, "exp": now + _VALID_SECONDS}
        head = {"alg": "RS256", "kid": "1", "typ": "JWT"}
        signed = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"


@contextmanager
def issuing() -> Iterator[TokenIssuer]:
    """Give out tokens on a port of the loopback interface while the block runs."""
    issuer = TokenIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK, issuer.keys())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
            asked = base64.b64decode(encoded).decode()
            issuer.asked.append(asked)
            if kind == "Basic" and asked == f"{CLIENT}:{SECRET}":
                token = {"access_token": issuer.token(CLIENT), "token_type": "Bearer"}
                self._answer(HTTPStatus.OK, {**token, "expires_in": _VALID_SECONDS})
            else:
                self._answer(HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})

        def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))
