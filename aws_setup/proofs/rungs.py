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
    VERTESIA = "a Vertesia API key"


class Group(StrEnum):
    """What a rung is part of, as the heading it stands under; in the order in which they are shown."""

    ISSUER = "Issuer"
    TRUST = "Identity provider and trust"
    EXCHANGE = "Exchange"
    MODELS = "Models"
    USE = "What the role may do"
    ISOLATION = "Isolation"


@dataclass(frozen=True)
class Rung:
    """One check. `link` is the link of the chain of trust that it breaks; `is_extra`: only where asked for."""

    name: str
    title: str
    group: Group
    needs: tuple[Need, ...]
    link: int
    is_extra: bool = False

    @property
    def is_simulated(self) -> bool:
        """Whether it asks IAM's policy simulator, which is no proof."""
        return self.name in PERMISSIONS


ISSUER_LINK, TRUST_LINK, ATTACHMENT_LINK, PERMISSION_LINK = range(4)


def _refusal(name: str, title: str) -> Rung:
    return Rung(name, title, Group.ISOLATION, (Need.TOKEN,), TRUST_LINK, is_extra=True)


RUNGS = (
    Rung("token", "Signing a token", Group.ISSUER, (Need.TOKEN,), ISSUER_LINK),
    Rung("issuer", "The issuer's name and TLS", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("discovery", "Discovery document", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("signing_key", "Signing key in the JWKS", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("provider", "Identity provider in the account", Group.TRUST, (Need.WORKER,), ISSUER_LINK),
    Rung("audience", "Audience on its list", Group.TRUST, (Need.WORKER,), TRUST_LINK),
    Rung("trust", "Trust policy", Group.TRUST, (Need.WORKER,), TRUST_LINK),
    Rung("exchange", "Exchange at STS", Group.EXCHANGE, (Need.TOKEN,), TRUST_LINK),
    Rung("identity", "The assumed role", Group.EXCHANGE, (Need.TOKEN,), TRUST_LINK),
    Rung("foundation_models", "Listing foundation models", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("custom_models", "Listing custom models", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("inference_profiles", "Listing inference profiles", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("vertesia_models", "Vertesia's own list", Group.MODELS, (Need.VERTESIA,), TRUST_LINK, is_extra=True),
    Rung("get_permission", "Right to look models up, simulated", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("invoke_permission", "Right to invoke models, simulated", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("stream_permission", "Right to stream answers, simulated", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("availability", "Availability of the chosen models", Group.MODELS, (Need.WORKER,), PERMISSION_LINK),
    Rung("one_token", "One token of a model", Group.USE, (Need.ROLE,), PERMISSION_LINK, is_extra=True),
    _refusal("isolation_sibling", "Refusing another environment's token"),
    _refusal("isolation_audience", "Refusing a token for another audience"),
    _refusal("isolation_expired", "Refusing an expired token"),
    _refusal("isolation_foreign_key", "Refusing a token of a foreign key"),
)
LISTINGS = ("foundation_models", "custom_models", "inference_profiles")
PROVEN_BY_EXCHANGE = ("issuer", "discovery", "signing_key", "provider", "audience", "trust")
PERMISSIONS = ("get_permission", "invoke_permission", "stream_permission")
ISOLATION = tuple(rung.name for rung in RUNGS if rung.name.startswith("isolation_"))
BY_NAME = {rung.name: rung for rung in RUNGS}
EVERY_TIME = tuple(rung.name for rung in RUNGS if not rung.is_extra)
"""The rungs that each verification has; the others where they were asked for."""
