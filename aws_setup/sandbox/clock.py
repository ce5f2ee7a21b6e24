"""AWS's clock: what time the sandbox takes it to be.

Tokens, signatures, sessions and the `Date` header go by it. Dates that IAM keeps (CreateDate) and the condition keys
`aws:CurrentTime` and `aws:EpochTime` stay this machine's: a difference from AWS.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """`offset_seconds` is how far it is ahead of this machine's clock; negative, behind it."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset_seconds

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def http_date(self) -> str:
        """The `Date` header of an answer: AWS sends one with each."""
        return formatdate(self.now(), usegmt=True)
