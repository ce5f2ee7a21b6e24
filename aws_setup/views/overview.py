"""The first page: how many environments stand well, what needs a person, what was begun."""

from django.conf import settings
from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from aws_setup.access import connections_for, drafts_for
from aws_setup.drafting import unfinished_drafts
from aws_setup.models import Finding, Run, WorkerCaller
from aws_setup.views.frame import signed_in
from environments.access import environments_for
from environments.history import summarize
from environments.installation import issuer_mismatch
from environments.models import Event, Status

PROBLEMS_SHOWN = 10
DRAFTS_SHOWN = 5
RUNS_SHOWN = 5
EVENTS_SHOWN = 8

ALWAYS_COUNTED = (Status.CONNECTED, Status.NEEDS_ATTENTION, Status.SETTING_UP, Status.NOT_CONNECTED)
"""These stand in the row of counts even at zero; the others only where somebody has them."""
COUNTED = (
    Status.CONNECTED,
    Status.CONFIRMED,
    Status.NEEDS_ATTENTION,
    Status.SETTING_UP,
    Status.WAITING_FOR_APPROVAL,
    Status.WAITING_FOR_VERTESIA,
    Status.PROOF_IS_OLD,
    Status.NOT_CONNECTED,
    Status.DISCONNECTED,
    Status.NOT_CONNECTABLE,
)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Counts, open problems with their remedies, what is under way, and unfinished drafts."""
    now = timezone.now()
    counted = environments_for(request.user).count_by_status(now=now)
    connections = connections_for(request.user)
    findings = Finding.objects.filter(connection__in=connections, closed_at__isnull=True)
    drafts = unfinished_drafts(drafts_for(request.user).filter(owner=signed_in(request)))
    problems = list(findings.select_related("connection__environment__organization")[: PROBLEMS_SHOWN + 1])
    total = sum(counted.values())
    context = {
        "counts": [
            (status, counted.get(status, 0)) for status in COUNTED if status in ALWAYS_COUNTED or status in counted
        ],
        "total": total,
        "is_fresh": total == counted.get(Status.NOT_CONNECTED, 0) + counted.get(Status.NOT_CONNECTABLE, 0),
        "problems": problems[:PROBLEMS_SHOWN],
        "has_more_problems": len(problems) > PROBLEMS_SHOWN,
        "drafts": drafts.select_related("environment")[:DRAFTS_SHOWN],
        "runs": Run.objects.filter(connection__in=connections, finished_at__isnull=True).select_related(
            "connection__environment"
        )[:RUNS_SHOWN],
        "waiting": environments_for(request.user).filter(
            status__in=[Status.NOT_CONNECTED, Status.DISCONNECTED], provider="bedrock"
        )[:DRAFTS_SHOWN],
        "caller": WorkerCaller.objects.first(),
        "mismatch": issuer_mismatch(),
        "events": summarize(Event.objects.filter(environment__in=environments_for(request.user))).select_related(
            "environment"
        )[:EVENTS_SHOWN],
        "proof_hours": settings.PROOF_MAX_AGE_HOURS,
        "is_scheduled": bool(settings.VERIFICATION_INTERVAL_HOURS),
        "proofs": environments_for(request.user)
        .having_status(Status.CONNECTED, now=now)
        .aggregate(newest=Max("verified_at"), oldest=Min("verified_at")),
    }
    return render(request, "aws_setup/overview.html", context)
