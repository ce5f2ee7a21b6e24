"""From the sandbox to real AWS: what could be checked from here, and the exact command."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from environments.models import Installation

AWS_VARIABLES = (
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
)
"""Variables from which botocore takes credentials, region or endpoint. Only whether they are set is ever shown."""


@dataclass(frozen=True)
class Prepared:
    """One thing that was looked at here; `result` is pass, fail or not_run."""

    title: str
    result: str
    detail: str


def check_preparation(environment: Mapping[str, str], *, world: str) -> list[Prepared]:
    """What can be known of the way to real AWS without touching it. `world` is the one the database belongs to."""
    names = [name for name in AWS_VARIABLES if environment.get(name)]
    has_keys = "AWS_ACCESS_KEY_ID" in names
    checks = [
        Prepared(
            "World",
            "pass",
            "This console runs in the sandbox world. Real AWS gets a database and state of its own, in var/aws, so "
            "nothing of the sandbox is carried over."
            if world == Installation.World.SANDBOX and settings.AWS_SANDBOX
            else "This console runs on real AWS already.",
        ),
        Prepared(
            "AWS variables of this process",
            "pass" if names else "not_run",
            f"Set: {', '.join(names)}. The sandbox ignores them; with real AWS the worker uses them."
            if names
            else "None is set. With real AWS the worker then looks for a default profile, or for the role of the "
            "machine or container it runs on.",
        ),
    ]
    if has_keys and "AWS_SESSION_TOKEN" not in names:
        checks.append(
            Prepared(
                "Kind of credentials",
                "not_run",
                "A long-lived access key is set. A profile with single sign-on, or a role, is safer: AWS_PROFILE.",
            )
        )
    if "AWS_ENDPOINT_URL" in names:
        checks.append(
            Prepared("Endpoint", "fail", "AWS_ENDPOINT_URL is set: calls would go there and not to AWS. Unset it.")
        )
    checks.append(
        Prepared(
            "Credentials",
            "not_run",
            "Not tried: from the sandbox nothing touches AWS. The Accounts page shows them right after the start.",
        )
    )
    return checks


@require_safe
def real_aws(request: HttpRequest) -> HttpResponse:
    """What was checked here, what to prepare, and the command."""
    installation = Installation.objects.first()
    world = installation.world if installation else settings.WORLD
    context = {
        "checks": check_preparation(os.environ, world=world),
        "command": "AWS_SANDBOX=0 make run",
        "command_with_profile": "AWS_SANDBOX=0 AWS_PROFILE=my-profile make run",
        "has_own_database": bool(settings.DATABASE_URL),
    }
    return render(request, "aws_setup/real_aws.html", context)
