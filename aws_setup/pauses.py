"""How long to wait for AWS before asking again, and when to stop. Pure."""

from datetime import timedelta

GIVE_UP_AFTER = timedelta(minutes=5)
"""How long an answer that may mend itself (throttling, a concurrent change, no answer) is waited out."""


def next_pause(waited: timedelta) -> timedelta:
    """Growing pauses: 1 s at first, half of what was waited already, 10 s at most."""
    return timedelta(seconds=min(10, max(1, round(waited.total_seconds() / 2))))
