"""Deleting an environment here: refused while AWS holds something of ours, with two ways on."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from aws_setup.holdings import describe_agreements, held_arns
from aws_setup.models import Connection
from aws_setup.views.frame import actor_of
from environments.access import get_environment
from environments.registry import forget_environment


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then forget. Roles stay in AWS only where the person said so; a provider, shared by others, stays anyway."""
    environment = get_environment(request.user, pk)
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    has_roles = connection is not None and connection.has_aws_resources
    left_in_aws = held_arns(connection) if connection else []
    live = connection.runs.filter(finished_at__isnull=True).first() if connection else None
    if request.method == "POST":
        if live:
            messages.error(request, "A run is changing AWS for this environment. Wait until it is over.")
            return redirect("run", pk=live.pk)
        if has_roles and request.POST.get("leave_in_aws") != "yes":
            messages.error(request, "AWS still holds what this console made. Disconnect first, or say it shall stay.")
            return redirect("environment_delete", pk=pk)
        forget_environment(
            environment,
            actor=actor_of(request),
            left_in_aws=left_in_aws,
            agreements=describe_agreements(environment),
        )
        messages.success(request, f"{environment.name} was deleted here.")
        return redirect("environments")
    context = {
        "environment": environment,
        "connection": connection,
        "has_roles": has_roles,
        "left_in_aws": left_in_aws,
        "live": live,
    }
    return render(request, "aws_setup/delete.html", context)
