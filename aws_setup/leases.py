"""One worker at a time per run and proof, and one writer at a time per AWS resource.

IAM has no compare-and-swap, so the console brings its own order.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction

from aws_setup.diagnosis import INTERNAL_ERROR, Problem
from aws_setup.interruptions import INTERRUPTIONS
from aws_setup.models import Claimable, ResourceLease

LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)
MOST_ATTEMPTS = 20
GAVE_UP = Problem(
    code="gave_up",
    sentence=f"The console took this up {MOST_ATTEMPTS} times in a row and never came to an end.",
    why="Each time the worker was stopped, ran out of time or lost its database. What was written to AWS stands in "
    "the history.",
    remedy="Look at the log of the worker; then make a new plan: it starts from what AWS holds now.",
    fix="plan",
)


class LeaseLost(Exception):
    """Another worker has taken this work over; this one stops without writing anything more."""


class ResourceBusy(Exception):
    """Another run is writing to this resource at this moment."""

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource


def work_under_lease(
    work: Claimable, *, advance: Callable[[], datetime | None], fail: Callable[[Problem], None]
) -> datetime | None:
    """Do what `advance` does for work that was claimed, and leave it so that it can go on or is over.

    An interruption gives the lease back, so that the next sweep takes it up again; a mistake of the console ends it by
    `fail`, unless another worker has it by then. Both are raised on. None where the lease was lost.
    """
    try:
        if work.attempts > MOST_ATTEMPTS:
            fail(GAVE_UP)
            return None
        return advance()
    except LeaseLost:
        return None
    except INTERRUPTIONS:
        with suppress(OperationalError):  # then it runs out by itself
            work.write(lease_until=None)
        raise
    except Exception:
        with suppress(LeaseLost):
            fail(INTERNAL_ERROR)
        raise


@dataclass(frozen=True)
class Held:
    """Leases of resources, as long as they are renewed in time."""

    token: uuid.UUID
    number: int

    def renew(self, *, now: datetime) -> None:
        """Hold them for as long again. Raises LeaseLost where one has run out and is another's."""
        if ResourceLease.objects.filter(token=self.token).update(until=now + LEASE) != self.number:
            raise LeaseLost


@contextmanager
def hold(resources: Iterable[str], *, now: datetime) -> Iterator[Held]:
    """Hold the leases of these ARNs, taken in one order by everybody. Raises ResourceBusy, holding none."""
    token, wanted = uuid.uuid4(), sorted(set(resources))
    try:
        for resource in wanted:
            if not _take(resource, token=token, now=now):
                raise ResourceBusy(resource)
        yield Held(token, len(wanted))
    finally:
        ResourceLease.objects.filter(token=token).delete()


def _take(resource: str, *, token: uuid.UUID, now: datetime) -> bool:
    ResourceLease.objects.filter(resource=resource, until__lt=now).delete()
    try:
        with transaction.atomic():
            ResourceLease.objects.create(resource=resource, token=token, until=now + LEASE)
    except IntegrityError:
        return False
    return True
