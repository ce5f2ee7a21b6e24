"""What Vertesia has, read by an API key; and an environment created there, by a request that is seen first."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.vertesia.access import NotTakenUp, connect_organization, forget_access, request_import
from aws_setup.vertesia.creating import NotOrdered, list_known_projects, order_environment
from aws_setup.vertesia.forms import ApiKeyForm, NewEnvironmentForm
from aws_setup.views.frame import actor_of, explain_waiting
from config.http import HtmxRequest
from environments.access import may_administer

JOBS_SHOWN = 3


def _context(*, now: datetime) -> dict[str, object]:
    accesses = list(VertesiaAccess.objects.select_related("organization__issuer"))
    rows = [
        {
            "access": access,
            "last": access.jobs.filter(kind=VertesiaJob.Kind.IMPORT).first(),
            "made": list(access.jobs.filter(kind=VertesiaJob.Kind.CREATE).select_related("environment")[:JOBS_SHOWN]),
        }
        for access in accesses
    ]
    live = list(VertesiaJob.objects.filter(finished_at__isnull=True))
    untouched = [job.created_at for job in live if job.started_at is None]
    return {
        "rows": rows,
        "is_polling": bool(live),
        "worker_problem": explain_waiting(min(untouched), now=now) if untouched else None,
        "is_sandbox": settings.AWS_SANDBOX,
    }


@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")
def vertesia(request: HtmxRequest) -> HttpResponse:
    """The API keys, what each opened when it was last used, and a form for another. Polls while a worker asks."""
    if not may_administer(request.user):
        raise PermissionDenied
    form = ApiKeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            connect_organization(
                site=form.cleaned_data["site"],
                api_key=form.cleaned_data["api_key"],
                actor=actor_of(request),
                now=timezone.now(),
            )
        except NotTakenUp as error:
            form.add_error(error.field, error.sentence)
        else:
            return redirect("vertesia")
    context = _context(now=timezone.now()) | {"form": form}
    if request.htmx and request.method != "POST":
        return render(request, "aws_setup/_vertesia.html", context)
    return render(request, "aws_setup/vertesia.html", context, status=422 if form.errors else 200)


@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Look again at what Vertesia has."""
    if request_import(_get_access(request, pk), actor=actor_of(request), now=timezone.now()) is None:
        messages.info(request, "An import is under way already; this page shows it.")
    return redirect("vertesia")


@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the key here; what was imported stays."""
    forget_access(_get_access(request, pk), actor=actor_of(request))
    messages.success(request, "The API key was forgotten here. To make it worthless, revoke it in Vertesia Studio too.")
    return redirect("vertesia")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """An environment to create in Vertesia: what it is to be, then the very request, then the order."""
    access = _get_access(request, pk)
    projects = list_known_projects(access)
    form = NewEnvironmentForm.for_projects(projects, request.POST if request.method == "POST" else None)
    is_seen = request.method == "POST" and form.is_valid()
    if is_seen and "order" in request.POST:
        try:
            order_environment(access, **form.cleaned_data, actor=actor_of(request), now=timezone.now())
        except NotOrdered as error:
            form.add_error(error.field or None, error.sentence)
            is_seen = False
        else:
            return redirect("vertesia")
    context = {"access": access, "form": form, "is_seen": is_seen, "has_projects": bool(projects)}
    return render(request, "aws_setup/vertesia_create.html", context, status=422 if form.errors else 200)


def _get_access(request: HttpRequest, pk: int) -> VertesiaAccess:
    if not may_administer(request.user):
        raise PermissionDenied
    return get_object_or_404(VertesiaAccess.objects.select_related("organization"), pk=pk)
