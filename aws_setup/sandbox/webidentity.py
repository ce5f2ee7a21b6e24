"""The web-identity token check, as AWS STS does it before it looks at any trust policy.

Order and words follow what people report of AWS (each function names them). Two refusals have no published
words; `NOT_YET_VALID` and the answer to a token of several audiences are the sandbox's own.
"""

from __future__ import annotations

import asyncio
import binascii
import json
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.utils import base64url_decode

from aws_setup.sandbox.errors import AwsError, invalid_token, verification_key_unavailable
from aws_setup.sandbox.issuers import TIMEOUT_SECONDS, FetchError, fetch_json, is_loopback

KEY_TYPES = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "ES256": "EC", "ES384": "EC", "ES512": "EC"}
"""What STS accepts: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""
MAX_KEYS = 100
MAX_TOKEN_LENGTH = 20000
NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
SIGNATURE_INVALID = "Token signature invalid"
NOT_YET_VALID = "Token not yet valid: current date/time {now} must not be before the not-before date/time {nbf}"


@dataclass(frozen=True)
class UnverifiedToken:
    """Read, not believed: nothing in it may be acted on but the choice of whom to ask."""

    compact: str
    algorithm: str
    key_id: str
    claims: dict[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.claims["iss"])


@dataclass(frozen=True)
class WebIdentity:
    """What a checked token says. `audience` is `azp` where the token has one, as for the `:aud` condition key."""

    issuer: str
    subject: str
    audience: str
    original_audiences: tuple[str, ...]
    claims: dict[str, Any]

    def condition_keys(self) -> dict[str, str | list[str]]:
        """The keys a trust policy may use, in lower case: no other claim is visible to it."""
        prefix = self.issuer.partition("://")[2]
        keys: dict[str, str | list[str]] = {f"{prefix}:sub": self.subject, f"{prefix}:aud": self.audience}
        if "azp" in self.claims:
            keys[f"{prefix}:oaud"] = list(self.original_audiences)
        if isinstance(amr := self.claims.get("amr"), list):
            keys[f"{prefix}:amr"] = [str(value) for value in amr]
        return {key.lower(): value for key, value in keys.items()}


def read_token(compact: str) -> UnverifiedToken:
    """AwsError InvalidIdentityToken when it is no JWT or names no issuer."""
    parts = compact.split(".")
    if len(parts) != 3:
        raise invalid_token(NOT_A_JWT)
    try:
        header, claims = (json.loads(base64url_decode(part)) for part in parts[:2])
    except (ValueError, binascii.Error) as error:
        raise invalid_token(NOT_A_JWT) from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise invalid_token(NOT_A_JWT)
    if not isinstance(claims.get("iss"), str) or not claims["iss"]:
        raise invalid_token("Missing a required claim: iss")
    return UnverifiedToken(compact, str(header.get("alg", "")), str(header.get("kid", "")), claims)


def check_certificate(private: str | None, *, configured: list[str]) -> None:
    """AwsError where an issuer's certificate is a private authority's, and the provider does not name that one.

    `private` is the authority's thumbprint, None for a public one: those AWS trusts without looking at thumbprints
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
    Words: https://github.com/alphagov/gsp/pull/889
    """
    if private is not None and private not in configured:
        raise invalid_token("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")


async def check_signature(token: UnverifiedToken, *, is_stopped: bool) -> None:
    """Discovery, JWKS, key by `kid`, algorithm, signature. Nothing is cached.

    AwsError: "Couldn't retrieve verification key from your identity provider" for whatever keeps STS from the key
    (https://repost.aws/knowledge-center/iam-sts-invalididentitytoken), "Token signature invalid" for the rest.
    """
    if token.algorithm not in KEY_TYPES:
        raise invalid_token(SIGNATURE_INVALID)
    if is_stopped:
        raise verification_key_unavailable()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            keys = await _fetch_keys(token.issuer)
    except (FetchError, TimeoutError) as error:
        raise verification_key_unavailable() from error
    found = [key for key in keys if key.get("kid") == token.key_id]
    if not token.key_id or not found:
        raise verification_key_unavailable()
    if found[0].get("kty") != KEY_TYPES[token.algorithm]:
        raise invalid_token(SIGNATURE_INVALID)
    try:
        key = jwt.PyJWK.from_dict(found[0], algorithm=token.algorithm)
        jwt.PyJWS().decode_complete(token.compact, key=key, algorithms=[token.algorithm])
    except jwt.PyJWTError as error:
        raise invalid_token(SIGNATURE_INVALID) from error


async def _fetch_keys(issuer: str) -> list[dict[str, Any]]:
    discovery = await fetch_json(issuer + "/.well-known/openid-configuration")
    if not isinstance(discovery, dict) or discovery.get("issuer") != issuer:
        raise FetchError("the discovery document names another issuer")
    jwks_uri = discovery.get("jwks_uri")
    if not isinstance(jwks_uri, str):
        raise FetchError("the discovery document has no jwks_uri")
    if is_loopback(jwks_uri) and not is_loopback(issuer):
        raise FetchError("a public issuer keeps its keys on loopback")
    document = await fetch_json(jwks_uri)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise FetchError(f"the JWKS does not hold 1 to {MAX_KEYS} keys")
    return [key for key in keys if isinstance(key, dict)]


def check_claims(token: UnverifiedToken, *, accepted_audiences: tuple[str, ...], now: float) -> WebIdentity:
    """Times and audience of a token whose signature holds. `now` is in seconds since 1970; there is no leeway.

    AwsError in AWS's words: "Missing a required claim: exp" (aws-actions/configure-aws-credentials#502),
    "Token expired: current date/time …" (aws/aws-sdk-java-v2#5709), "Incorrect token audience".
    """
    claims = token.claims
    for name in ("exp", "iat"):
        if isinstance(claims.get(name), bool) or not isinstance(claims.get(name), (int, float)):
            raise invalid_token(f"Missing a required claim: {name}")
    if claims["exp"] <= now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(claims['exp'])}",
        )
    not_before = claims.get("nbf", claims["iat"])
    if isinstance(not_before, (int, float)) and not_before > now + 1:
        raise invalid_token(NOT_YET_VALID.format(now=int(now), nbf=int(not_before)))
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise invalid_token("Missing a required claim: sub")
    found = claims.get("aud")
    audiences = (found,) if isinstance(found, str) else tuple(found) if isinstance(found, list) else ()
    if not audiences or not all(isinstance(audience, str) for audience in audiences):
        raise invalid_token("Missing a required claim: aud")
    authorized_party = claims.get("azp")
    if isinstance(authorized_party, str):
        audience = authorized_party
    elif len(audiences) == 1:
        audience = audiences[0]
    else:
        raise invalid_token("Incorrect token audience")
    if audience not in accepted_audiences:
        raise invalid_token("Incorrect token audience")
    return WebIdentity(token.issuer, claims["sub"], audience, audiences, claims)
