"""What a piece of work tells whoever watches: what happens now, or what it waits for, why, and for how long at most.

Nothing sleeps: waiting is a date in the database. Each of these raises LeaseLost where another worker has the work.
"""

from datetime import datetime

from aws_setup.gateway.errors import AwsError
from aws_setup.leases import LeaseLost
from aws_setup.models import Claimable
from aws_setup.pauses import GIVE_UP_AFTER, next_pause

LONGEST_SENTENCE = 300


def tell(work: Claimable, doing: str) -> None:
    """Say what happens now, and renew the lease."""
    if not work.write(doing=doing[:LONGEST_SENTENCE]):
        raise LeaseLost


def come_back(work: Claimable, moment: datetime, doing: str, *, waiting_since: datetime | None = None) -> datetime:
    """Give the lease back until `moment`, which is returned. `waiting_since`: of a wait that is given up one day."""
    if not work.wait_until(moment, doing=doing[:LONGEST_SENTENCE], waiting_since=waiting_since):
        raise LeaseLost
    return moment


def wait_for(work: Claimable, what: str, *, now: datetime, until: datetime, advised: float = 0.0) -> datetime:
    """Wait for what will be so by `until`, by pauses that grow, of `advised` seconds at least; when to come back."""
    since = work.waiting_since or now
    pause = next_pause(now - since, advised=advised)
    left = max(0, round((until - now).total_seconds()))
    doing = f"{what}; trying again in {pause.seconds} s, for at most {left} s more"
    return come_back(work, now + pause, doing, waiting_since=since)


def wait_out(work: Claimable, error: AwsError, *, now: datetime) -> datetime | None:
    """Wait for AWS to answer otherwise; when to ask again, or None where that was waited for long enough."""
    give_up_at = (work.waiting_since or now) + GIVE_UP_AFTER
    if now > give_up_at:
        return None
    return wait_for(work, f"{error.operation} answered {error.code or 'nothing'}", now=now, until=give_up_at)
