"""How long verifications are kept. What a page still shows, and what belongs to a set-up, stays.

Of each connection the last verification stays, the last that was proven and the last that listed models. Those of runs
stay with their run: they are part of the record of what was approved.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from aws_setup.models import Listing, ProofDay, Verification

MOST_PROOFS, MOST_DAYS, MOST_LISTINGS = 200, 1000, 20
"""How many rows one call deletes at most: a verification takes its checks along, a listing its models."""
KEEP_DAYS = timedelta(days=400)
"""How long the counts of a day are kept: a year can be looked back upon."""


def forget_old_proofs(*, now: datetime) -> None:
    """Delete a bounded number of verifications older than KEEP_PROOFS_DAYS, of listings nobody refers to any more, and
    of the counts of days long past. What is left is for the next call."""
    old = Verification.objects.filter(
        ~Q(state=Verification.State.PROVEN) | _is_followed(state=Verification.State.PROVEN),
        Q(listing__isnull=True) | _is_followed(listing__isnull=False),
        _is_followed(),
        run__isnull=True,
        finished_at__lt=now - timedelta(days=settings.KEEP_PROOFS_DAYS),
    ).order_by("finished_at")
    _delete(Verification, list(old.values_list("pk", flat=True)[:MOST_PROOFS]))
    unused = Listing.objects.filter(~Exists(Verification.objects.filter(listing=OuterRef("pk"))))
    _delete(Listing, list(unused.values_list("pk", flat=True)[:MOST_LISTINGS]))
    past = ProofDay.objects.filter(day__lt=(now - KEEP_DAYS).date()).order_by("day")
    _delete(ProofDay, list(past.values_list("pk", flat=True)[:MOST_DAYS]))


def _is_followed(**kind: Any) -> Exists:
    """Whether a later verification of the same connection, of this kind, is over."""
    return Exists(
        Verification.objects.filter(
            connection=OuterRef("connection"), pk__gt=OuterRef("pk"), finished_at__isnull=False, **kind
        )
    )


def _delete(model: type[Verification] | type[Listing] | type[ProofDay], keys: list[int]) -> None:
    if keys:
        model.objects.filter(pk__in=keys).delete()
