"""Telling the workers that something is due. A hint only: the database is the queue of record, and beat sweeps it.

So a lost message loses nothing, and a broker that is down fails no request.
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
CHECK_CALLERS = "aws_setup.tasks.check_callers"
MAKE_PLAN = "aws_setup.tasks.make_plan"
BREAK_SANDBOX = "aws_setup.tasks.break_sandbox"

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


def _publish(task: str, arguments: tuple[int | str, ...], countdown: float) -> None:
    try:
        current_app.send_task(task, args=arguments, countdown=countdown or None)
    except (OperationalError, OSError) as error:
        logger.warning("The broker took no message for %s %s; the next sweep will do it: %s", task, arguments, error)
