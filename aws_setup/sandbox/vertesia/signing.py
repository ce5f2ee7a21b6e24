"""The token service's signing keys: tokens signed and read, and the public halves for others to check with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from aws_setup.sandbox.vertesia.errors import unauthorized
from aws_setup.sandbox.wire import Json

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ALGORITHMS = ("ES256", "RS256")
DEFAULT_ALGORITHM = "ES256"


class SigningKeys:
    """One key per algorithm, made when it is first needed; `jwks` holds those that exist."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, PrivateKey]] = {}

    def sign(self, claims: Mapping[str, Any], *, algorithm: str = DEFAULT_ALGORITHM) -> str:
        key_id, key = self._key(algorithm)
        return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": key_id})

    def read(self, token: str, *, issuer: str, audience: str) -> dict[str, Any]:
        """The claims of a token of ours that has not expired. Raises ApiError 401 for any other."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            key_id, key = self._keys.get(algorithm, ("", None))
            if key is None or header.get("kid") != key_id:
                raise unauthorized("Invalid token: unknown signing key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public_key(),
                algorithms=[algorithm],
                issuer=issuer,
                audience=audience,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise unauthorized("Token expired") from error
        except jwt.PyJWTError as error:
            raise unauthorized("Invalid token") from error
        return claims

    def jwks(self) -> dict[str, Json]:
        self._key(DEFAULT_ALGORITHM)
        return {"keys": [_public_jwk(algorithm, *found) for algorithm, found in self._keys.items()]}

    def to_json(self) -> dict[str, list[str]]:
        """With the private halves: for the state file, which only its owner may read."""
        return {algorithm: [key_id, _to_pem(key)] for algorithm, (key_id, key) in self._keys.items()}

    def load(self, saved: Mapping[str, list[str]]) -> None:
        self._keys = {algorithm: (key_id, _from_pem(pem)) for algorithm, (key_id, pem) in saved.items()}

    def _key(self, algorithm: str) -> tuple[str, PrivateKey]:
        if algorithm not in self._keys:
            made = (
                ec.generate_private_key(ec.SECP256R1())
                if algorithm == "ES256"
                else rsa.generate_private_key(65537, 2048)
            )
            self._keys[algorithm] = (secrets.token_hex(8), made)
        return self._keys[algorithm]


def _public_jwk(algorithm: str, key_id: str, key: PrivateKey) -> dict[str, Json]:
    public: dict[str, Json]
    if isinstance(key, rsa.RSAPrivateKey):
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public = {name: value for name, value in public.items() if name != "key_ops"}
    return {**public, "kid": key_id, "use": "sig", "alg": algorithm}


def _to_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _from_pem(pem: str) -> PrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise TypeError("the state holds a signing key of another kind")
    return key
