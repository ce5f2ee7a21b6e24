"""How long what may mend itself at Vertesia is waited out. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_setup.pauses import GIVE_UP_AFTER, next_pause
from environments.vertesia.errors import VertesiaError

LOST_ANSWER_SECONDS = 10
"""A write whose answer was lost may still be under way there: looked for sooner, it might not be seen."""


@dataclass(frozen=True)
class Pause:
    """When to ask again, and what a person reads meanwhile."""

    until: datetime
    since: datetime
    doing: str


def find_pause(error: VertesiaError, *, since: datetime | None, now: datetime) -> Pause | None:
    """The pause before the same is asked again; None where that makes no sense, or no longer.

    A Retry-After is honoured; one that leads beyond the time for which this console waits is not waited for.
    """
    since = since or now
    advised = error.retry_after or 0.0
    if error.may_have_been_done:
        advised = max(advised, LOST_ANSWER_SECONDS)
    if not error.is_transient or now - since > GIVE_UP_AFTER or advised > GIVE_UP_AFTER.total_seconds():
        return None
    pause = next_pause(now - since, advised=advised)
    left = max(0, round((since + GIVE_UP_AFTER - now).total_seconds()))
    seconds = round(pause / timedelta(seconds=1))
    return Pause(
        until=now + pause,
        since=since,
        doing=f"{error} Trying again in {seconds} s, for at most {left} s more"[:300],
    )
