"""Pages about what Vertesia has: issuers, names and history."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import get_environment, may_administer
from environments.forms import IssuerForm, NameForm
from environments.history import Actor, record
from environments.installation import issuer_mismatch, take_new_issuer_url
from environments.issuer.documents import DISCOVERY_PATH
from environments.models import Issuer, SigningKey
from environments.registry import rename_environment

HISTORY_PAGE_SIZE = 50


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an environment another display name."""
    environment = get_environment(request.user, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for error in form.errors["name"]))
    elif rename_environment(environment, name=form.cleaned_data["name"], actor=Actor(request.user.get_username())):
        messages.success(request, f"Renamed to {environment.name}.")
    return redirect(environment)


@require_safe
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that happened to an environment, newest first."""
    environment = get_environment(request.user, pk)
    page = Paginator(environment.events.all(), HISTORY_PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "environments/history.html", {"environment": environment, "page": page})


@require_safe
def issuers(request: HttpRequest) -> HttpResponse:
    """Every issuer whose tokens AWS can be told to trust, and what stands behind the built-in one."""
    is_allowed = may_administer(request.user)
    listed = Issuer.objects.annotate(organization_count=Count("organizations")) if is_allowed else Issuer.objects.none()
    context = {
        "issuers": listed.order_by("hosting", "id"),
        "keys": SigningKey.objects.only("kid", "algorithm", "is_signing", "created_at") if is_allowed else (),
        "discovery_path": DISCOVERY_PATH,
        "mismatch": issuer_mismatch() if is_allowed else None,
    }
    return render(request, "environments/issuers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_issuer(request: HttpRequest) -> HttpResponse:
    """Add another issuer that Vertesia hosts."""
    if not may_administer(request.user):
        raise PermissionDenied
    form = IssuerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        issuer = Issuer.objects.create(hosting=Issuer.Hosting.VERTESIA, **form.cleaned_data)
        record("issuer.added", f"Added issuer {issuer.url}.", actor=Actor(request.user.get_username()))
        messages.success(request, f"{issuer.url} can now be chosen for an organization.")
        return redirect("issuers")
    return render(request, "environments/issuer_add.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def move_issuer(request: HttpRequest) -> HttpResponse:
    """Let the built-in issuer sign as the address the console was started with."""
    if not may_administer(request.user):
        raise PermissionDenied
    moved = take_new_issuer_url(actor=Actor(request.user.get_username()))
    if moved is not None:
        messages.success(
            request,
            f"Tokens now say {moved.started_as}. Roles still trust {moved.trusted}: verify each environment, "
            "then plan its repair.",
        )
    return redirect("issuers")
