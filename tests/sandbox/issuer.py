"""A small real OIDC issuer on loopback that can also misbehave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def public_jwk(key: PrivateKey, key_id: str, algorithm: str) -> dict[str, Any]:
    maker = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    jwk: dict[str, Any] = maker.to_jwk(key.public_key(), as_dict=True)
    return {"kty": jwk["kty"], **jwk, "kid": key_id, "use": "sig", "alg": algorithm}


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Issuer:
    """Serves `discovery` and `jwks` as they stand at each request; `before_answer` may sleep or redirect."""

    def __init__(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetched.append(self.path)
                issuer.before_answer(self)
                document = {"/.well-known/openid-configuration": issuer.discovery, "/keys": issuer.jwks}.get(self.path)
                body = json.dumps(document).encode()
                self.send_response(issuer.status if document is not None else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://localhost:{self._server.server_port}"
        self.discovery: dict[str, Any] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.jwks: dict[str, Any] = {
            "keys": [public_jwk(RSA_KEY, "rsa-1", "RS256"), public_jwk(EC_KEY, "ec-1", "ES256")]
        }
        self.status = 200
        self.fetched: list[str] = []
        self.before_answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def claims(self, subject: str, **changes: Any) -> dict[str, Any]:
        """Claims of a good token; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": subject, "aud": "bedrock", "iat": now, "nbf": now, "exp": now + 300}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self, subject: str, *, key: PrivateKey = RSA_KEY, kid: str = "rsa-1", alg: str = "RS256", **changes: Any
    ) -> str:
        return jwt.encode(self.claims(subject, **changes), key, algorithm=alg, headers={"kid": kid})

    def token_signed_with_public_key(self, subject: str) -> str:
        """HS256 with the public key as the secret: the classic confusion of algorithms."""
        header = encode(json.dumps({"alg": "HS256", "kid": "rsa-1"}).encode())
        signed = f"{header}.{encode(json.dumps(self.claims(subject)).encode())}"
        secret = RSA_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    def token_without_signature(self, subject: str) -> str:
        header = encode(json.dumps({"alg": "none", "kid": "rsa-1"}).encode())
        return f"{header}.{encode(json.dumps(self.claims(subject)).encode())}."
