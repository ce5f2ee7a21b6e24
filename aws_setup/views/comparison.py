"""AWS beside what was agreed: compare them now, and accept what somebody meant to change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, retarget

from aws_setup.access import get_connection
from aws_setup.drift.observing import request_observation
from aws_setup.models import Draft
from aws_setup.standing import read_standing
from aws_setup.views.connection import page_context, read_awaited
from aws_setup.views.frame import actor_of
from aws_setup.views.review import plan_anew
from config.http import HtmxRequest
from environments.access import get_environment


@require_safe
@never_cache
def comparison(request: HtmxRequest, pk: int) -> HttpResponse:
    """What is being compared now. Asked again and again by the page; once it is over the whole page takes its place."""
    if not request.htmx:
        return redirect("environment", pk=pk)
    now = timezone.now()
    standing = read_standing(get_environment(request.user, pk), now=now)
    context = page_context(standing, awaited_since=read_awaited(request, now=now), now=now)
    if standing.comparison.under_way is not None:
        return render(request, "aws_setup/_comparison.html", context)
    found = len(standing.comparison.differences)
    news = f"Compared with AWS: {found} {'point differs' if found == 1 else 'points differ'}."
    over = render(request, "aws_setup/_environment.html", context | {"news": news})
    return reswap(retarget(over, "#environment-body"), "outerHTML")


@require_POST
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a worker to compare AWS with what was agreed."""
    connection = get_connection(request.user, environment_pk=pk)
    if not connection.has_aws_resources:
        messages.info(request, "AWS holds nothing of this console's to compare.")
    elif not request_observation(connection, actor=actor_of(request), now=timezone.now()):
        messages.info(request, "A comparison or a set-up is under way already; this page shows it.")
    return redirect(connection.environment)


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a plan that agrees to what AWS holds; the person sees what that means before it counts."""
    connection = get_connection(request.user, environment_pk=pk)
    return plan_anew(request, connection.environment, purpose=Draft.Purpose.ACCEPT)
