"""What a token says. Pure."""

from datetime import datetime, timedelta
from typing import Any

from environments.ids import Subject

TOKEN_LIFETIME = timedelta(minutes=5)

REQUIRED_CLAIMS = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti")
ALL_CLAIMS = (*REQUIRED_CLAIMS, "account", "name")


def build_claims(
    subject: Subject,
    *,
    issuer_url: str,
    audience: str,
    organization_id: str,
    organization_name: str,
    environment_name: str,
    now: datetime,
    jti: str,
) -> dict[str, Any]:
    """The claims of an environment's token; times in whole seconds since 1970.

    `aud` is a plain string, because a single audience is what Vertesia sends. `account` and `name` are Vertesia's own:
    `account.id` is the organization id, `name` the environment's name. There is no `azp`: AWS would compare it instead
    of `aud`.
    """
    issued_at = int(now.timestamp())
    return {
        "iss": issuer_url,
        "sub": subject,
        "aud": audience,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + int(TOKEN_LIFETIME.total_seconds()),
        "jti": jti,
        "account": {"id": organization_id, "name": organization_name},
        "name": environment_name,
    }
