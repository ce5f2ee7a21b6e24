"""What the issuer publishes: discovery and the key set, as data. Pure.

Shapes: OpenID Connect Discovery 1.0, section 3 (https://openid.net/specs/openid-connect-discovery-1_0.html), and
RFC 7517 for the key set.
"""

from collections.abc import Iterable
from typing import Any

from environments.issuer.claims import ALL_CLAIMS

DISCOVERY_PATH = ".well-known/openid-configuration"
JWKS_PATH = ".well-known/jwks.json"
AUTHORIZATION_PATH = "authorize"
SIGNING_ALGORITHMS = ("RS256", "ES256")


def build_discovery(issuer_url: str) -> dict[str, Any]:
    """The discovery document of the issuer at exactly `issuer_url`.

    It signs tokens on its own and lets nobody sign in. The specification requires an authorization endpoint all the
    same, so there is one, and it refuses; with the implicit grant alone it requires no token endpoint.
    """
    return {
        "issuer": issuer_url,
        "authorization_endpoint": f"{issuer_url}/{AUTHORIZATION_PATH}",
        "jwks_uri": f"{issuer_url}/{JWKS_PATH}",
        "response_types_supported": ["id_token"],
        "grant_types_supported": ["implicit"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "scopes_supported": ["openid"],
        "claims_supported": list(ALL_CLAIMS),
    }


def build_jwks(public_jwks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The key set of `public_jwks`, in that order: the signing key is to stand first, some verifiers read no other."""
    return {"keys": list(public_jwks)}


def build_authorization_refusal() -> dict[str, str]:
    """What the authorization endpoint says to everybody (RFC 6749, section 4.2.2.1)."""
    return {
        "error": "access_denied",
        "error_description": "Nobody signs in here: this issuer signs tokens for Vertesia environments by itself.",
    }
