"""Signing tokens for environments, and checking them with every option spelled out."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import jwt

from environments.history import Actor, record
from environments.ids import Subject
from environments.issuer.claims import REQUIRED_CLAIMS, build_claims
from environments.issuer.documents import SIGNING_ALGORITHMS
from environments.issuer.keys import PrivateKey, get_signing_key, load_private_key
from environments.models import Environment, Issuer, SigningKey

CLOCK_LEEWAY = timedelta(seconds=10)
"""How far the clocks of two machines of one installation may be apart."""


class NotOurIssuer(Exception):
    """The organization's tokens come from Vertesia: this console has no key that AWS would accept for them."""

    def __init__(self, issuer_url: str) -> None:
        super().__init__(
            f"Only Vertesia can sign for {issuer_url}. The exchange can be seen in Vertesia Studio, not from here."
        )


class TokenRefused(Exception):
    """A token did not pass; the message says which rule it broke and holds nothing of the token."""


@dataclass(frozen=True, eq=False, repr=False)
class SignedToken:
    """A token signed by the built-in issuer: a credential. Only `.value` shows it, and no queue can carry it."""

    value: str
    claims: dict[str, Any]
    kid: str

    def __repr__(self) -> str:
        return f"<SignedToken jti={self.claims['jti']} kid={self.kid}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A signed token is a credential and is not to be stored or sent to a queue.")


def issue_token(environment: Environment, *, audience: str | None = None, actor: Actor, now: datetime) -> SignedToken:
    """Sign a token for `environment`, valid for five minutes from `now`, and record `token.issued`.

    `audience` None means the issuer's own, `bedrock`. The event holds jti, kid, subject and audience, never the token.
    Raises NotOurIssuer where the organization's issuer is Vertesia's, keys.NoSigningKey, secrets.NoKeyFits and
    ids.InvalidVertesiaId.
    """
    token = sign_token(environment, environment.subject, audience=audience, now=now)
    record_token("token.issued", token, "was signed", environment=environment, actor=actor)
    return token


def sign_token(
    environment: Environment,
    subject: Subject,
    *,
    audience: str | None,
    now: datetime,
    find_private_key: Callable[[SigningKey], PrivateKey] = load_private_key,
) -> SignedToken:
    """Sign what a token of `environment` says, for `subject`; whoever calls this records it.

    The header names the issuer's signing key, whatever key `find_private_key` gives to sign with. Raises as
    `issue_token`.
    """
    organization = environment.organization
    issuer = organization.issuer
    if not issuer.is_builtin:
        raise NotOurIssuer(issuer.url)
    key = get_signing_key()
    claims = build_claims(
        subject,
        issuer_url=issuer.url,
        audience=issuer.audience if audience is None else audience,
        organization_id=organization.organization_id,
        organization_name=organization.name,
        environment_name=environment.name,
        now=now,
        jti=str(uuid.uuid4()),
    )
    value = jwt.encode(claims, find_private_key(key), algorithm=key.algorithm, headers={"kid": key.kid})
    return SignedToken(value=value, claims=claims, kid=key.kid)


def record_token(
    action: str, token: SignedToken, what_happened: str, *, environment: Environment, actor: Actor, **data: str
) -> None:
    """Write into the history that `token` was signed: what it is for, and nothing that could be used."""
    claims = token.claims
    record(
        action,
        f"A token for {claims['sub']}, audience {claims['aud']}, {what_happened}.",
        actor=actor,
        environment=environment,
        data={"jti": claims["jti"], "kid": token.kid, "subject": claims["sub"], "audience": claims["aud"], **data},
    )


def verify_token(value: str, *, audience: str) -> dict[str, Any]:
    """The claims of a token that the built-in issuer signed and that holds now, for exactly `audience`.

    The algorithm is the one stored with the key that `kid` names, never the one the token asks for (RFC 8725, 3.1).
    Raises TokenRefused.
    """
    try:
        kid = jwt.get_unverified_header(value).get("kid")
    except jwt.InvalidTokenError as error:
        raise TokenRefused("This is not a signed token.") from error
    key = SigningKey.objects.filter(kid=kid).first()
    issuer = Issuer.objects.filter(hosting=Issuer.Hosting.BUILTIN).first()
    if key is None or issuer is None or key.algorithm not in SIGNING_ALGORITHMS:
        raise TokenRefused("The built-in issuer has no key with this kid.")
    try:
        return jwt.decode(
            value,
            key=jwt.PyJWK(key.public_jwk, algorithm=key.algorithm),
            algorithms=[key.algorithm],
            audience=audience,
            issuer=issuer.url,
            leeway=CLOCK_LEEWAY,
            options={
                "verify_signature": True,
                "require": list(REQUIRED_CLAIMS),
                "verify_iss": True,
                "verify_aud": True,
                "strict_aud": True,
                "verify_exp": True,
                "verify_nbf": True,
                "verify_iat": True,
                "verify_sub": True,
                "verify_jti": True,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.InvalidTokenError as error:
        raise TokenRefused(f"The token was refused: {error}.") from error
