"""How often an environment is proven, and how its last days went."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from aws_setup.access import get_connection
from aws_setup.models import Connection
from aws_setup.proof_days import DAYS_SHOWN, arrange_days
from aws_setup.proofs.forms import DEFAULT, ScheduleForm
from aws_setup.proofs.schedule import change_interval, describe_interval, interval_hours, read_days
from aws_setup.views.frame import actor_of


def schedule_context(connection: Connection | None, *, now: datetime) -> dict[str, object]:
    """What `_schedule.html` shows of a connection: the strip of its days, when the next proof is due, and the form."""
    if connection is None:
        return {}
    today, every = now.date(), connection.verify_every_hours
    hours = interval_hours(connection)
    return {
        "strip": arrange_days(read_days(connection, since=today - timedelta(days=DAYS_SHOWN - 1)), today=today),
        "schedule": {
            "every": describe_interval(hours) if hours else "",
            "is_due": connection.next_verification_at is not None and connection.next_verification_at <= now,
            "outlasts_proof": hours * 1.1 >= settings.PROOF_MAX_AGE_HOURS,
            "proof_hours": settings.PROOF_MAX_AGE_HOURS,
        },
        "schedule_form": ScheduleForm(initial={"every": DEFAULT if every is None else str(every)}),
    }


@require_POST
def change_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Change how often the environment is proven."""
    connection = get_connection(request.user, environment_pk=pk)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That is none of the intervals: nothing was changed.")
        return redirect(connection.environment)
    every = form.cleaned_data["every"]
    if change_interval(connection, every_hours=every, actor=actor_of(request), now=timezone.now()):
        messages.success(request, f"{connection.environment.name} is to be proven {describe_interval(every)}.")
    return redirect(connection.environment)
