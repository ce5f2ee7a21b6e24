"""What every process does before it works on a database: it makes sure that the database is of its world."""

from typing import Any

from celery import bootsteps
from django.db import connections

from environments.installation import check_world


def refuse_other_world() -> None:
    """Raise installation.WrongWorld or NotPrepared; leave no connection open that a fork could inherit."""
    try:
        check_world()
    finally:
        connections.close_all()


class WorldCheck(bootsteps.Step):
    """Ends a worker of the other world before it takes a task."""

    def create(self, parent: Any) -> None:
        refuse_other_world()
