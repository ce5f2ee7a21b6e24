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
    def needed(self) -> str:
        """What it cannot do without, as in `the worker's rights`."""
        return " and ".join(self.needs)

    @property
    def is_simulated(self) -> bool:
        """Whether it asks IAM's policy simulator, which is no proof."""
        return self.name in PERMISSIONS


ISSUER_LINK, TRUST_LINK, ATTACHMENT_LINK, PERMISSION_LINK = range(4)

RUNGS = (
    Rung("token", "A token was signed", Group.ISSUER, (Need.TOKEN,), ISSUER_LINK),
    Rung("issuer", "The issuer's name resolves and TLS holds", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("discovery", "Discovery answers in time and is right", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("signing_key", "The JWKS holds the signing key", Group.ISSUER, (Need.NETWORK,), ISSUER_LINK),
    Rung("provider", "The account has the identity provider", Group.TRUST, (Need.WORKER,), ISSUER_LINK),
    Rung("audience", "The provider lists the audience", Group.TRUST, (Need.WORKER,), TRUST_LINK),
    Rung("trust", "The trust policy accepts the token", Group.TRUST, (Need.WORKER,), TRUST_LINK),
    Rung("exchange", "STS exchanged the token", Group.EXCHANGE, (Need.TOKEN,), TRUST_LINK),
    Rung("identity", "It is the expected role", Group.EXCHANGE, (Need.TOKEN,), TRUST_LINK),
    Rung("foundation_models", "Foundation models were listed", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("custom_models", "Custom models were listed", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("inference_profiles", "Inference profiles were listed", Group.MODELS, (Need.ROLE,), PERMISSION_LINK),
    Rung("get_permission", "The role may look models up", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("invoke_permission", "The role may invoke models", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("stream_permission", "The role may stream answers", Group.USE, (Need.WORKER,), PERMISSION_LINK),
    Rung("availability", "The chosen models are available", Group.MODELS, (Need.WORKER,), PERMISSION_LINK),
    Rung("one_token", "A model answered with one token", Group.USE, (Need.ROLE,), PERMISSION_LINK, is_extra=True),
    Rung(
        "isolation_sibling",
        "Another environment's token is refused",
        Group.ISOLATION,
        (Need.TOKEN,),
        TRUST_LINK,
        is_extra=True,
    ),
    Rung(
        "isolation_audience",
        "A token for another audience is refused",
        Group.ISOLATION,
        (Need.TOKEN,),
        TRUST_LINK,
        is_extra=True,
    ),
    Rung("isolation_expired", "An expired token is refused", Group.ISOLATION, (Need.TOKEN,), TRUST_LINK, is_extra=True),
    Rung(
        "isolation_foreign_key",
        "A foreign key's token is refused",
        Group.ISOLATION,
        (Need.TOKEN,),
        TRUST_LINK,
        is_extra=True,
    ),
)
LISTINGS = ("foundation_models", "custom_models", "inference_profiles")
PROVEN_BY_EXCHANGE = ("issuer", "discovery", "signing_key", "provider", "audience", "trust")
PERMISSIONS = ("get_permission", "invoke_permission", "stream_permission")
ISOLATION = tuple(rung.name for rung in RUNGS if rung.name.startswith("isolation_"))
BY_NAME = {rung.name: rung for rung in RUNGS}
EVERY_TIME = tuple(rung.name for rung in RUNGS if not rung.is_extra)
"""The rungs that each verification has; the others where they were asked for."""
