"""What quotas of an account planning last read, and how many roles there is room for by now."""

from datetime import datetime

from django.db.models import Q

from aws_setup.models import Account, Step
from aws_setup.observed import Quotas


def note_quotas(account: Account, quotas: Quotas | None, *, now: datetime) -> None:
    """Keep what planning read of the account's quotas; what could not be read leaves what was known before."""
    if quotas is not None:
        Account.objects.filter(pk=account.pk).update(quotas=quotas.to_json(), quotas_read_at=now)


def count_free_roles(account: Account) -> int | None:
    """How many roles may still be made; None where AWS did not say.

    What runs have made since the quotas were read is taken off, and what live ones are about to make.
    """
    if account.quotas is None or account.quotas_read_at is None:
        return None
    quotas = Quotas.from_json(account.quotas)
    if quotas.roles is None or quotas.roles_quota is None:
        return None
    taken = Step.objects.filter(
        Q(outcome="created", finished_at__gt=account.quotas_read_at)
        | Q(state__in=[Step.State.PENDING, Step.State.RUNNING], run__finished_at__isnull=True),
        run__connection__account=account,
        action__action="CreateRole",
    )
    return max(0, quotas.roles_quota - quotas.roles - taken.count())
