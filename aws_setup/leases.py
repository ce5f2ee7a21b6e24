"""One writer at a time per AWS resource: IAM has no compare-and-swap, so the console brings its own order."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from aws_setup.models import ResourceLease

LEASE = timedelta(seconds=120)


class LeaseLost(Exception):
    """Another worker has taken this work over; this one stops without writing anything more."""


class ResourceBusy(Exception):
    """Another run is writing to this resource at this moment."""

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource


@contextmanager
def hold(resources: Iterable[str], *, now: datetime) -> Iterator[None]:
    """Hold the leases of these ARNs, taken in one order by everybody. Raises ResourceBusy, holding none."""
    token = uuid.uuid4()
    try:
        for resource in sorted(set(resources)):
            if not _take(resource, token=token, now=now):
                raise ResourceBusy(resource)
        yield
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
