"""What the issuer publishes: discovery and the key set, as data. Pure.

Shapes: OpenID Connect Discovery 1.0, section 3 (https://openid.net/specs/openid-connect-discovery-1_0.html), and
RFC 7517 for the key set.
"""

from collections.abc import Iterable
from typing import Any

from environments.issuer.claims import ALL_CLAIMS

DISCOVERY_PATH = ".well-known/openid-configuration"
JWKS_PATH = ".well-known/jwks.json"
SIGNING_ALGORITHMS = ("RS256", "ES256")


def build_discovery(issuer_url: str) -> dict[str, Any]:
    """The discovery document of the issuer at exactly `issuer_url`.

    It signs tokens on its own and lets nobody sign in, so there is neither an authorization nor a token endpoint;
    `response_types_supported` is what the specification requires and AWS's providers of workload tokens all say.
    """
    return {
        "issuer": issuer_url,
        "jwks_uri": f"{issuer_url}/{JWKS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "scopes_supported": ["openid"],
        "claims_supported": list(ALL_CLAIMS),
    }


def build_jwks(public_jwks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The key set of `public_jwks`, in that order: the signing key is to stand first, some verifiers read no other."""
    return {"keys": list(public_jwks)}
