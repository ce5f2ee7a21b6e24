"""Telling the workers that something is due. A hint only: the database is the queue of record, and beat sweeps it.

So a lost message loses nothing, and a broker that is down fails no request. The one exception is `send_now`, for what
stands nowhere but in the message: whoever asked for it is told where it was not taken.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

ADVANCE_RUN = "aws_setup.tasks.advance_run"
ADVANCE_VERIFICATION = "aws_setup.tasks.advance_verification"
ADVANCE_OBSERVATION = "aws_setup.tasks.advance_observation"
CHECK_CALLERS = "aws_setup.tasks.check_callers"
MAKE_PLAN = "aws_setup.tasks.make_plan"
BREAK_SANDBOX = "aws_setup.tasks.break_sandbox"
FAIL_SANDBOX = "aws_setup.tasks.fail_sandbox"
DELIVER = "aws_setup.tasks.deliver"
ADVANCE_VERTESIA_JOB = "aws_setup.tasks.advance_vertesia_job"

EXPIRES_SECONDS = 600
"""After which a hint is worth nothing: the sweep has repeated it, and a slow worker's queue is not to grow with it."""

_is_suppressed: ContextVar[bool] = ContextVar("hints_suppressed", default=False)


@contextmanager
def suppressed() -> Iterator[None]:
    """Send nothing meanwhile: a command does the work itself, in its own process."""
    token = _is_suppressed.set(True)
    try:
        yield
    finally:
        _is_suppressed.reset(token)


def send(task: str, *arguments: int | str, countdown: float = 0) -> None:
    """Publish a task once the transaction is committed; a broker that does not answer is logged, never raised."""
    if not _is_suppressed.get():
        transaction.on_commit(lambda: _publish(task, arguments, countdown))


def send_now(task: str, *arguments: int | str) -> bool:
    """Publish a task at once; False where the broker did not take it, so that nothing will come of it."""
    return _is_suppressed.get() or _publish(task, arguments, 0)


def _publish(task: str, arguments: tuple[int | str, ...], countdown: float) -> bool:
    try:
        current_app.send_task(task, args=arguments, countdown=countdown or None, expires=countdown + EXPIRES_SECONDS)
    except (OperationalError, OSError) as error:
        logger.warning("The broker took no message for %s %s: %s", task, arguments, error)
        return False
    return True
