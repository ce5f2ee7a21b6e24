"""The rungs of the ladder from an issuer's name to a model's answer, in their order. Pure.

The exchange is tried first: where it succeeds, the rungs before it are proven by it. Where it fails they are climbed,
as the explanation.
"""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What a rung cannot do without."""

    TOKEN = "a token"
    ROLE = "the role's rights"
    WORKER = "the worker's rights"
    NETWORK = "the network"


@dataclass(frozen=True)
class Rung:
    """One check. `link` is the link of the chain of trust that it breaks; `is_extra`: only where asked for."""

    name: str
    title: str
    needs: tuple[Need, ...]
    link: int
    is_extra: bool = False


ISSUER_LINK, TRUST_LINK, ATTACHMENT_LINK, PERMISSION_LINK = range(4)

RUNGS = (
    Rung("token", "Signing a token", (Need.TOKEN,), ISSUER_LINK),
    Rung("issuer", "The issuer's name and TLS", (Need.NETWORK,), ISSUER_LINK),
    Rung("discovery", "Discovery document", (Need.NETWORK,), ISSUER_LINK),
    Rung("signing_key", "Signing key in the JWKS", (Need.NETWORK,), ISSUER_LINK),
    Rung("provider", "Identity provider in the account", (Need.WORKER,), ISSUER_LINK),
    Rung("audience", "Audience on its list", (Need.WORKER,), TRUST_LINK),
    Rung("trust", "Trust policy", (Need.WORKER,), TRUST_LINK),
    Rung("exchange", "Exchange at STS", (Need.TOKEN,), TRUST_LINK),
    Rung("identity", "The assumed role", (Need.TOKEN,), TRUST_LINK),
    Rung("foundation_models", "Listing foundation models", (Need.ROLE,), PERMISSION_LINK),
    Rung("custom_models", "Listing custom models", (Need.ROLE,), PERMISSION_LINK),
    Rung("inference_profiles", "Listing inference profiles", (Need.ROLE,), PERMISSION_LINK),
    Rung("get_permission", "Right to look models up, simulated", (Need.WORKER,), PERMISSION_LINK),
    Rung("invoke_permission", "Right to invoke models, simulated", (Need.WORKER,), PERMISSION_LINK),
    Rung("stream_permission", "Right to stream answers, simulated", (Need.WORKER,), PERMISSION_LINK),
    Rung("availability", "Availability of the chosen models", (Need.WORKER,), PERMISSION_LINK),
    Rung("one_token", "One token of a model", (Need.ROLE,), PERMISSION_LINK, is_extra=True),
    Rung("isolation_sibling", "Refusing another environment's token", (Need.TOKEN,), TRUST_LINK, is_extra=True),
    Rung("isolation_audience", "Refusing a token for another audience", (Need.TOKEN,), TRUST_LINK, is_extra=True),
    Rung("isolation_expired", "Refusing an expired token", (Need.TOKEN,), TRUST_LINK, is_extra=True),
    Rung("isolation_foreign_key", "Refusing a token of a foreign key", (Need.TOKEN,), TRUST_LINK, is_extra=True),
)
LISTINGS = ("foundation_models", "custom_models", "inference_profiles")
PROVEN_BY_EXCHANGE = ("issuer", "discovery", "signing_key", "provider", "audience", "trust")
PERMISSIONS = ("get_permission", "invoke_permission", "stream_permission")
ISOLATION = tuple(rung.name for rung in RUNGS if rung.name.startswith("isolation_"))
BY_NAME = {rung.name: rung for rung in RUNGS}
EVERY_TIME = tuple(rung.name for rung in RUNGS if not rung.is_extra)
"""The rungs that each verification has; the others where they were asked for."""
