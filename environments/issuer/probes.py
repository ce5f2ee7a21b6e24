"""Tokens for the proof of isolation. Each is wrong in one way, and AWS must refuse it: a role that takes it is open."""

from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from environments.history import Actor
from environments.ids import build_subject
from environments.issuer.keys import PrivateKey, generate_private_key, load_private_key
from environments.issuer.tokens import SignedToken, record_token, sign_token
from environments.models import Environment, SigningKey

ISSUED_BEFORE = timedelta(minutes=15)
"""A token lives for five minutes, so that one issued then has been expired for ten."""


class Probe(StrEnum):
    """What is wrong with the token."""

    SIBLING = "sibling"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    FOREIGN_KEY = "foreign_key"


_WORDS = {
    Probe.SIBLING: "naming another environment",
    Probe.AUDIENCE: "for another audience",
    Probe.EXPIRED: "expired ten minutes ago",
    Probe.FOREIGN_KEY: "signed with a key that is published nowhere",
}


def invent_sibling_id(random: Random) -> str:
    """An environment id of the usual shape, 24 hexadecimal digits, that is nobody's."""
    return f"{random.getrandbits(96):024x}"


def sign_probe(
    environment: Environment,
    probe: Probe,
    *,
    audience: str | None = None,
    sibling_id: str | None = None,
    actor: Actor,
    now: datetime,
) -> SignedToken:
    """Sign the token of `probe`, otherwise as for `environment`, and record `token.probe_signed`.

    `sibling` names the environment `sibling_id` of the same organization; `audience` is for `audience`, which should
    be on the identity provider's list and not in the role's trust; `expired` ran out ten minutes before `now`;
    `foreign_key` is signed with a key made for it, under the published key's kid. Every probe but `audience` has the
    issuer's own audience where `audience` is None. Raises as tokens.issue_token, and ValueError for a probe that would
    be an ordinary token: no `sibling_id` or the environment's own, no `audience` or the issuer's own.
    """
    issuer = environment.organization.issuer
    if probe == Probe.SIBLING and sibling_id in (None, environment.environment_id):
        raise ValueError("A sibling is another environment.")
    if probe == Probe.AUDIENCE and audience in (None, issuer.audience):
        raise ValueError("Another audience than the issuer's own is needed.")
    token = sign_token(
        environment,
        build_subject(environment.organization.organization_id, sibling_id)
        if probe == Probe.SIBLING and sibling_id is not None
        else environment.subject,
        audience=audience,
        now=now - ISSUED_BEFORE if probe == Probe.EXPIRED else now,
        find_private_key=_make_foreign_key if probe == Probe.FOREIGN_KEY else load_private_key,
    )
    record_token(
        "token.probe_signed",
        token,
        f"was signed to see that AWS refuses it: {_WORDS[probe]}",
        environment=environment,
        actor=actor,
        probe=probe.value,
    )
    return token


def _make_foreign_key(key: SigningKey) -> PrivateKey:
    return generate_private_key(key.algorithm)
