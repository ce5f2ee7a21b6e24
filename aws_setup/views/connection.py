"""The page of one environment: how it stands, why, and what can be done about it."""

from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, retarget

from aws_setup.access import get_connection
from aws_setup.drift.comparison import Comparison
from aws_setup.models import Draft
from aws_setup.moves.standing import open_migration
from aws_setup.standing import Standing, read_standing
from aws_setup.verification import request_verification
from aws_setup.views.frame import actor_of, explain_waiting
from aws_setup.views.review import plan_anew
from aws_setup.views.schedule import schedule_context
from config.http import HtmxRequest
from environments.access import get_environment
from environments.forms import NameForm
from environments.installation import DOCUMENTED_ISSUER_URL

AWAITED_FOR = timedelta(minutes=1)
"""How long a page looks out for a verification that a worker was asked to begin."""


def page_context(standing: Standing, *, awaited_since: datetime | None, now: datetime) -> dict[str, object]:
    """What the page and its partial share. `awaited_since`: a worker was asked for a verification at this moment."""
    live = standing.proving or (standing.run if standing.is_live else None)
    waiting_since = live.created_at if live is not None and live.started_at is None else None
    newest = standing.proving or standing.proof
    is_awaited = awaited_since is not None and (newest is None or newest.created_at < awaited_since)
    if is_awaited and live is None:
        waiting_since = awaited_since
    return {
        "environment": standing.environment,
        "standing": standing,
        "move": open_migration(standing.environment.organization),
        "has_former_issuer": standing.environment.organization.issuer.url == DOCUMENTED_ISSUER_URL,
        "is_polling": standing.is_live or is_awaited,
        "awaited_since": awaited_since if is_awaited else None,
        "name_form": NameForm(initial={"name": standing.environment.name}),
        "worker_problem": explain_waiting(waiting_since, now=now),
        "comparison_worker_problem": explain_waiting(_untouched_since(standing.comparison), now=now),
    } | schedule_context(standing.connection, now=now)


def _untouched_since(comparison: Comparison) -> datetime | None:
    """Since when a comparison waits for a worker to take it up; None where none does."""
    under_way = comparison.under_way
    return under_way.created_at if under_way is not None and under_way.started_at is None else None


def read_awaited(request: HttpRequest, *, now: datetime) -> datetime | None:
    """When a worker was asked for a verification, by `since` in the URL; None where that is absent, odd or too old."""
    since = request.GET.get("since", "")
    if not since.isdecimal() or len(since) > 10:
        return None
    moment = datetime.fromtimestamp(int(since), tz=UTC)
    return moment if now - AWAITED_FOR < moment <= now else None


@require_safe
@never_cache
def environment(request: HttpRequest, pk: int) -> HttpResponse:
    """Status, role ARN, chain of trust, checks, models, AWS resources and history."""
    now = timezone.now()
    standing = read_standing(get_environment(request.user, pk), now=now)
    context = page_context(standing, awaited_since=read_awaited(request, now=now), now=now)
    return render(request, "aws_setup/environment.html", context)


@require_safe
@never_cache
def verification(request: HtmxRequest, pk: int) -> HttpResponse:
    """What is being proven now. Asked again and again by the page; once it is over the whole page takes its place."""
    if not request.htmx:
        return redirect("environment", pk=pk)
    now = timezone.now()
    standing = read_standing(get_environment(request.user, pk), now=now)
    context = page_context(standing, awaited_since=read_awaited(request, now=now), now=now)
    if context["is_polling"]:
        return render(request, "aws_setup/_proving.html", context)
    news = f"The verification is over: {standing.status.label}."
    over = render(request, "aws_setup/_environment.html", context | {"news": news})
    return reswap(retarget(over, "#environment-body"), "outerHTML")


@require_POST
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a new proof; with `with_isolation` also that tokens which must be refused are refused."""
    connection = get_connection(request.user, environment_pk=pk)
    with_isolation = request.POST.get("with_isolation") == "yes"
    if not request_verification(connection, actor=actor_of(request), now=timezone.now(), with_isolation=with_isolation):
        messages.info(request, "A verification is under way already; this page shows it.")
    return redirect(connection.environment)


@require_POST
def plan_repair(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a plan that brings AWS back to what was agreed; the person sees it before anything is written."""
    connection = get_connection(request.user, environment_pk=pk)
    is_absent = bool(connection.desired.get("is_absent"))
    purpose = Draft.Purpose.DISCONNECT if is_absent else Draft.Purpose.REPAIR
    return plan_anew(request, connection.environment, purpose=purpose)
