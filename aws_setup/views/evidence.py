"""What was proven and when, for whoever asks later: the verifications of an environment, and the report of each."""

import json

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from aws_setup.access import get_verification
from aws_setup.evidence import build_report
from aws_setup.models import Verification
from environments.access import get_environment

PER_PAGE = 50


@require_safe
@never_cache
def verifications(request: HttpRequest, pk: int) -> HttpResponse:
    """All finished verifications that are kept, the newest first."""
    environment = get_environment(request.user, pk)
    finished = Verification.objects.filter(connection__environment=environment, finished_at__isnull=False)
    page = Paginator(finished.select_related("listing"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "aws_setup/verifications.html", {"environment": environment, "page": page})


@require_safe
@never_cache
def report(request: HttpRequest, pk: int, proof_pk: int) -> HttpResponse:
    """The report as a page that prints well."""
    proof = get_verification(request.user, proof_pk, environment_pk=pk)
    context = {
        "environment": proof.connection.environment,
        "proof": proof,
        "report": build_report(proof),
        "checks": list(proof.checks.all()),
    }
    return render(request, "aws_setup/report.html", context)


@require_safe
@never_cache
def report_json(request: HttpRequest, pk: int, proof_pk: int) -> HttpResponse:
    """The very same report as a file."""
    proof = get_verification(request.user, proof_pk, environment_pk=pk)
    body = json.dumps(build_report(proof), indent=2, ensure_ascii=False)
    name = f"verification-{proof.connection.environment.environment_id}-{proof.pk}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/json", headers=headers)
