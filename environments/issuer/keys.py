"""The built-in issuer's signing keys: made, kept encrypted, published."""

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.db import transaction
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from environments.models import SigningKey
from environments.secrets import NoKeyFits, decrypt, encrypt

RSA_BITS = 2048
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_PUBLIC_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
"""The members that a thumbprint is made of, in the order that RFC 7638, section 3.2, demands."""


class NoSigningKey(Exception):
    """The issuer has no key yet."""

    def __init__(self) -> None:
        super().__init__("The built-in issuer has no signing key yet. Run: manage.py prepare")


def generate_private_key(algorithm: str) -> PrivateKey:
    """A new key for `RS256` (2048 bits) or `ES256` (P-256)."""
    if algorithm == SigningKey.Algorithm.RS256:
        return generate_rsa_key(public_exponent=65537, key_size=RSA_BITS)
    if algorithm == SigningKey.Algorithm.ES256:
        return generate_ec_key(SECP256R1())
    raise ValueError(f"The built-in issuer signs with RS256 or ES256, not with {algorithm}.")


def build_public_jwk(private_key: PrivateKey) -> dict[str, Any]:
    """The public half as a JWK (RFC 7517) with `kid`, `use` and `alg`, and no private member."""
    if isinstance(private_key, RSAPrivateKey):
        algorithm = SigningKey.Algorithm.RS256
        members = RSAAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    else:
        algorithm = SigningKey.Algorithm.ES256
        members = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    jwk: dict[str, Any] = {name: members[name] for name in _PUBLIC_MEMBERS[members["kty"]]}
    return {"kid": compute_thumbprint(jwk), "use": "sig", "alg": algorithm.value, **jwk}


def compute_thumbprint(jwk: dict[str, Any]) -> str:
    """The RFC 7638 SHA-256 thumbprint of a JWK, base64url without padding."""
    canonical = json.dumps(
        {name: jwk[name] for name in _PUBLIC_MEMBERS[jwk["kty"]]}, separators=(",", ":"), sort_keys=True
    )
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def make_signing_key(*, algorithm: str = SigningKey.Algorithm.RS256) -> SigningKey:
    """Make a key, store it encrypted, and sign with it from now on. Former keys stay published."""
    private_key = generate_private_key(algorithm)
    jwk = build_public_jwk(private_key)
    clear = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with transaction.atomic():
        SigningKey.objects.filter(is_signing=True).update(is_signing=False)
        return SigningKey.objects.create(
            kid=jwk["kid"],
            algorithm=algorithm,
            private_key_encrypted=encrypt(clear),
            public_jwk=jwk,
            is_signing=True,
        )


def get_signing_key() -> SigningKey:
    """The key that signs now. Raises NoSigningKey."""
    try:
        return SigningKey.objects.get(is_signing=True)
    except SigningKey.DoesNotExist as error:
        raise NoSigningKey from error


def load_private_key(key: SigningKey) -> PrivateKey:
    """The private half, decrypted. Raises secrets.NoKeyFits where ENCRYPTION_KEYS no longer opens it.

    OpenSSL checks an RSA key when loading it, which takes longer than signing: each process does it once per key.
    """
    return _load_once(bytes(key.private_key_encrypted))


@lru_cache(maxsize=8)
def _load_once(encrypted: bytes) -> PrivateKey:
    private_key = load_der_private_key(decrypt(encrypted), password=None)
    if not isinstance(private_key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise TypeError("A stored signing key is neither an RSA nor an elliptic-curve key.")
    return private_key


def list_public_jwks() -> list[dict[str, Any]]:
    """The public keys to publish, the signing key first, then the newest."""
    return list(SigningKey.objects.values_list("public_jwk", flat=True))


def list_lost_keys() -> list[SigningKey]:
    """The keys that none of ENCRYPTION_KEYS opens any more: nothing can be signed with them."""
    lost = []
    for key in SigningKey.objects.all():
        try:
            decrypt(bytes(key.private_key_encrypted))
        except NoKeyFits:
            lost.append(key)
    return lost
