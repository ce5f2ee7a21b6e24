"""Finish in Vertesia Studio: where only Vertesia can sign, a person sets the API key there and says what they see."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from aws_setup.access import get_connection
from aws_setup.confirmation import confirm_connection, deny_models
from aws_setup.models import Connection, Verification
from aws_setup.views.frame import actor_of
from aws_setup.views.runs import models_summary
from environments.access import get_environment


@require_safe
def environment_finish(request: HttpRequest, pk: int) -> HttpResponse:
    """What to do in Studio, and beside it what can be checked from here, labelled as no proof."""
    environment = get_environment(request.user, pk)
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    if connection is None or not connection.has_aws_resources:
        messages.info(request, f"AWS holds no role for {environment.name} yet. Connect it first.")
        return redirect(environment)
    if environment.organization.issuer.is_builtin:
        messages.info(request, "This console signs for this environment itself: there is nothing to do in Studio.")
        return redirect(environment)
    verification = connection.verifications.exclude(state=Verification.State.RUNNING).first()
    context = {
        "environment": environment,
        "connection": connection,
        "verification": verification,
        "running": connection.verifications.filter(state=Verification.State.RUNNING).first(),
        "open_findings": connection.findings.filter(closed_at__isnull=True),
        **models_summary(verification),
    }
    return render(request, "runs/finish.html", context)


@require_POST
def environment_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """ "I see models": recorded as confirmed by this person now."""
    connection = get_connection(request.user, environment_pk=pk)
    if confirm_connection(connection, actor=actor_of(request), now=timezone.now()):
        messages.success(request, "Recorded: you saw models in Vertesia Studio.")
    else:
        messages.info(
            request, "Nothing waits for a confirmation here: the console proves this one, or is setting it up."
        )
    return redirect(connection.environment)


@require_POST
def environment_deny(request: HttpRequest, pk: int) -> HttpResponse:
    """ "I see none": checks everything that can be checked from here."""
    connection = get_connection(request.user, environment_pk=pk)
    deny_models(connection, actor=actor_of(request), now=timezone.now())
    messages.info(request, "Checking everything that can be checked from here.")
    return redirect(connection.environment)
