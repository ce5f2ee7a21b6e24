"""Writing history: one line per thing that happened, with its actor."""

import os
import pwd
from typing import Any, NewType

from django.db import models

from environments.models import Environment, Event, Organization

Actor = NewType("Actor", str)
CONSOLE = Actor("console")
"""The actor of what the console does by itself, such as a scheduled verification."""


OPERATING_SYSTEM_PREFIX = "os:"


def operating_system_actor() -> Actor:
    """The actor of a command: the operating-system user, as `os:NAME`, or `os:NUMBER` where it has no name.

    As the kernel knows it, not as LOGNAME and USER say: those are the caller's to set.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    return Actor(f"{OPERATING_SYSTEM_PREFIX}{name}")


def summarize(events: models.QuerySet[Event]) -> models.QuerySet[Event]:
    """What is worth a line in a short list: the full history has each token signed, too."""
    return events.exclude(action__in=("token.issued", "token.probe_signed"))


def record(
    action: str,
    sentence: str,
    *,
    actor: Actor,
    environment: Environment | None = None,
    organization: Organization | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """Add a line of history. `data` must hold nothing secret: it is shown and exported as it is."""
    return Event.objects.create(
        actor=actor,
        action=action,
        sentence=sentence[:500],
        environment=environment,
        organization=organization or (environment.organization if environment else None),
        data=data or {},
    )
