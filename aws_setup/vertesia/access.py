"""An organization's way into Vertesia's API: its key taken up, asked with, and forgotten."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from aws_setup import hints
from aws_setup.models import VertesiaAccess, VertesiaJob
from environments.history import Actor, record
from environments.models import Organization
from environments.secrets import encrypt
from environments.vertesia.protocol import Vertesia
from environments.vertesia.tokens import ApiKey, InvalidApiKey

HINT_LENGTH = 4

OpenVertesia = Callable[[VertesiaAccess], Vertesia]
"""Opens Vertesia's API with a stored key. Raises Blocked where that key cannot be used at all."""


class NotTakenUp(Exception):
    """The key is not taken up. `field` is the argument at fault, `sentence` is for the person and holds no key."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@sensitive_variables("api_key", "key")
@transaction.atomic
def connect_organization(*, site: str, api_key: str, actor: Actor, now: datetime) -> VertesiaJob:
    """Take up an API key, encrypted, and have a worker import what it opens: the organization is read with it.

    An organization that has a key already gets this one in its place, once Vertesia has accepted it. Raises NotTakenUp
    for a text that is no API key, a site of another world, and a key that was taken up before.
    """
    try:
        key = ApiKey(api_key)
    except InvalidApiKey as error:
        raise NotTakenUp("api_key", str(error)) from None
    is_local = site == VertesiaAccess.Site.SANDBOX
    if site not in VertesiaAccess.Site.values or is_local != settings.AWS_SANDBOX:
        offered = (
            "the sandbox's own Vertesia" if settings.AWS_SANDBOX else "a site of Vertesia: global, us1, eu1 or jp1"
        )
        raise NotTakenUp("site", f"Choose {offered}: this console works with no other.")
    digest = _digest(key)
    if known := VertesiaAccess.objects.filter(key_sha256=digest).select_related("organization").first():
        raise NotTakenUp("api_key", _known_already(known))
    try:
        with transaction.atomic():
            access = VertesiaAccess.objects.create(
                site=site,
                api_key_encrypted=encrypt(key.value.encode()),
                key_hint=key.value[-HINT_LENGTH:],
                key_sha256=digest,
                created_by=actor,
            )
    except IntegrityError as error:  # the same key, entered twice at the same moment
        raise NotTakenUp("api_key", "This key was taken up a moment ago.") from error
    job = request_import(access, actor=actor, now=now)
    if job is None:
        raise NotTakenUp("api_key", "This key is being taken up already.")
    return job


def _digest(key: ApiKey) -> str:
    """To tell keys apart without decrypting them; a key is random enough that nobody finds it by trying."""
    return hashlib.sha256(key.value.encode()).hexdigest()


def _known_already(access: VertesiaAccess) -> str:
    if access.organization is None:
        return (
            "This key was entered before, and no organization was read with it yet. Try that one again, or forget it."
        )
    return f"This key is in use already, for {access.organization.name}."


def request_import(access: VertesiaAccess, *, actor: Actor, now: datetime) -> VertesiaJob | None:
    """Have a worker read the organization's environments; None where that is under way already."""
    try:
        with transaction.atomic():
            job = VertesiaJob.objects.create(
                access=access,
                kind=VertesiaJob.Kind.IMPORT,
                actor=actor,
                doing="Waiting for a worker",
                next_attempt_at=now,
            )
    except IntegrityError:  # vertesia_job_one_live_import
        return None
    hints.send(hints.ADVANCE_VERTESIA_JOB, job.pk)
    return job


@transaction.atomic
def forget_access(access: VertesiaAccess, *, actor: Actor) -> None:
    """Delete the key here, and what was asked with it. What the organization has, here and at Vertesia, stays.

    In Vertesia the key still counts: whoever made it revokes it there.
    """
    organization = access.organization
    whose = f"of {organization.name}" if organization else f"ending in {access.key_hint}"
    record(
        "vertesia.key_forgotten",
        f"Forgot the Vertesia API key {whose}. Vertesia still accepts it until it is revoked in Studio.",
        actor=actor,
        organization=organization,
        data={"site": access.site, "key_hint": access.key_hint},
    )
    access.delete()


def access_of(organization: Organization) -> VertesiaAccess | None:
    """The organization's access; None where it has none."""
    return VertesiaAccess.objects.filter(organization=organization).first()
