"""A proof that grows old: what lists and counts say of it before and after it was noted."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from environments.models import Environment, Status
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db


def test_an_old_proof_counts_as_old_whether_or_not_it_was_noted() -> None:
    now = timezone.now()
    old = EnvironmentFactory()
    old.set_status(Status.CONNECTED, verified_at=now - timedelta(hours=settings.PROOF_MAX_AGE_HOURS + 1))
    fresh = EnvironmentFactory()
    fresh.set_status(Status.CONNECTED, verified_at=now)

    for _ in range(2):
        assert list(Environment.objects.having_status(Status.PROOF_IS_OLD, now=now)) == [old]
        assert list(Environment.objects.having_status(Status.CONNECTED, now=now)) == [fresh]
        assert Environment.objects.count_by_status(now=now) == {"proof_is_old": 1, "connected": 1}
        assert Environment.objects.get(pk=old.pk).status_at(now) == Status.PROOF_IS_OLD
        Environment.objects.note_old_proofs(now=now)

    assert list(Environment.objects.all()) == [old, fresh], "problems first"
