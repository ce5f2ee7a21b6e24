"""A token as a role's trust policy sees it: which condition keys it brings, and what cannot be known from here. Pure.

The keys of OIDC tokens: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
("Default", which is for every issuer without a tab of its own there, read November 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_setup.names import strip_scheme
from aws_setup.trust.statements import WEB_IDENTITY

VISIBLE_CLAIMS = ("sub", "aud", "oaud", "amr", "email")
"""All that AWS shows a trust policy of a token of an issuer it does not list by name: no other claim is looked at."""
_TAGS_CLAIM = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY_CLAIM = "https://aws.amazon.com/source_identity"
_ABSENT = ("sts:externalid",)
"""Keys that a token exchange never has: an external id belongs to sts:AssumeRole."""


@dataclass(frozen=True)
class TokenRequest:
    """One call of sts:AssumeRoleWithWebIdentity, as far as it is known before it is made."""

    provider_arn: str
    """The identity provider to which the token's issuer leads in the role's account."""
    issuer: str
    """Host and path of the issuer: what stands before `:sub` and `:aud` in condition keys."""
    keys: tuple[tuple[str, tuple[str, ...]], ...]
    """Values by condition key in lower case; a key of several values is a multivalued one."""
    may_have: tuple[str, ...] = ()
    """Keys or beginnings of keys, in lower case, that the token brings with values not worked out here."""
    action: str = WEB_IDENTITY

    def find(self, key: str) -> tuple[str, ...] | None:
        """The values of a condition key, whatever its case; None where there are none, or none known."""
        return dict(self.keys).get(key.lower())

    def is_unknown(self, key: str) -> bool:
        """Whether AWS may hold a value for the key that cannot be known from here, as an address or an organization."""
        key = key.lower()
        if key in dict(self.keys) or key in _ABSENT:
            return False
        if key in ("sts:sourceidentity", "aws:tagkeys") or key.startswith(("aws:requesttag/", "sts:transitivetag")):
            return key.startswith(self.may_have)
        return key.startswith(("aws:", "sts:"))

    def claim_of(self, key: str) -> str:
        """The claim that a key of this token's own issuer names; empty for any other key."""
        prefix = f"{self.issuer}:".lower()
        return key.lower().removeprefix(prefix) if key.lower().startswith(prefix) else ""

    @property
    def subject(self) -> str:
        return self._only_value("sub")

    @property
    def audience(self) -> str:
        """What the `:aud` key holds: `azp` where the token has one."""
        return self._only_value("aud")

    def _only_value(self, claim: str) -> str:
        found = self.find(f"{self.issuer}:{claim}")
        return found[0] if found and len(found) == 1 else ""


def token_request(
    *,
    issuer_url: str,
    claims: Mapping[str, Any],
    provider_arn: str,
    session_name: str,
    known: Mapping[str, str] | None = None,
) -> TokenRequest:
    """What STS compares with the trust policy for a token of these claims.

    `known` are further condition keys that the caller knows for certain, as `aws:CurrentTime` in ISO 8601.
    STS answers over TLS only, so `aws:SecureTransport` is always true.
    """
    issuer = strip_scheme(issuer_url)
    audience = _texts(claims.get("aud"))
    party = claims.get("azp")
    by_claim = {
        "sub": _texts(claims.get("sub")),
        "aud": (party,) if isinstance(party, str) and party else audience,
        "oaud": audience,
        "amr": _texts(claims.get("amr")),
        "email": _texts(claims.get("email")),
    }
    keys = {f"{issuer}:{claim}".lower(): values for claim, values in by_claim.items() if values}
    keys |= {
        "aws:federatedprovider": (provider_arn,),
        "aws:securetransport": ("true",),
        "sts:rolesessionname": (session_name,),
    }
    keys |= {key.lower(): (value,) for key, value in (known or {}).items()}
    may_have = ("aws:requesttag/", "aws:tagkeys", "sts:transitivetag") if _TAGS_CLAIM in claims else ()
    if _SOURCE_IDENTITY_CLAIM in claims:
        may_have = (*may_have, "sts:sourceidentity")
    return TokenRequest(provider_arn=provider_arn, issuer=issuer, keys=tuple(sorted(keys.items())), may_have=may_have)


def _texts(claim: Any) -> tuple[str, ...]:
    values = claim if isinstance(claim, list) else [claim]
    return tuple(value for value in values if isinstance(value, str))
