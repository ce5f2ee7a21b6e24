"""How long to wait before looking at AWS again, within one piece of work and from one to the next. Pure."""

import math
from datetime import timedelta

GIVE_UP_AFTER = timedelta(minutes=5)
"""How long an answer that may mend itself (throttling, a concurrent change, no answer) is waited out."""


def next_pause(waited: timedelta, *, advised: float = 0) -> timedelta:
    """Growing pauses: 1 s at first, half of what was waited already, 10 s at most; never less than `advised` seconds.

    `advised` is what the other side asks for, as by Retry-After.
    """
    growing = min(10, max(1, round(waited.total_seconds() / 2)))
    return timedelta(seconds=max(growing, math.ceil(advised)))


FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(minutes=15), timedelta(hours=24)


def back_off(failures: int) -> timedelta:
    """After how long to look again at what failed that often in a row: 15 minutes at first, doubled up to a day.

    So what was mended is soon seen to be, and what stays broken is not asked about all the time.
    """
    doublings = min(max(failures, 1) - 1, 7)  # beyond seven it is more than a day anyway
    return min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)


def spread_out(interval: timedelta, *, key: int) -> timedelta:
    """The interval, give or take a tenth of it: the same tenth for a key always, another for its neighbours.

    So thousands that began together do not stay together.
    """
    share = key * 2_654_435_761 % 2**32 / 2**32  # Knuth's multiplicative hash: neighbours lie far apart
    return interval * (0.9 + 0.2 * share)
