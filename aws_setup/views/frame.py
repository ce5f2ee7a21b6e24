"""What surrounds every page on the way to a plan: the named steps with their answers, the growing sentence, notes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from aws_setup.company_defaults import defaults_of
from aws_setup.models import Account, Connection, Draft, Permissions, Run
from aws_setup.names import dashed
from aws_setup.regions import BEDROCK_REGIONS
from config.health import worker_problem
from environments.history import Actor
from environments.ids import describe_unusual
from environments.models import Environment

PERMISSION_ANSWERS = {
    Permissions.INVOKE.value: "List and invoke",
    Permissions.FULL.value: "AmazonBedrockFullAccess",
    Permissions.POLICY.value: "Existing policy",
}


WORKER_PATIENCE = timedelta(seconds=10)
"""How long work may wait before a page says that no worker answers."""


@dataclass(frozen=True)
class WizardStep:
    """One named step. `url` is empty where the person cannot go there (yet, or any more)."""

    name: str
    title: str
    answer: str = ""
    url: str = ""
    is_current: bool = False
    is_done: bool = False


def signed_in(request: HttpRequest) -> User:
    """The person of this request; the middleware has let only signed-in people through."""
    return cast(User, request.user)


def actor_of(request: HttpRequest) -> Actor:
    """The person of this request, as history names them."""
    return Actor(request.user.get_username())


def explain_waiting(since: datetime | None, *, now: datetime) -> str | None:
    """Why nothing has happened since then: a sentence where no worker answers; None before ten seconds are over."""
    return worker_problem() if since is not None and since < now - WORKER_PATIENCE else None


def environment_of(draft: Draft) -> Environment:
    """The draft's environment; access.get_draft finds no draft without one."""
    return cast(Environment, draft.environment)


def build_steps(draft: Draft | None, *, current: str, run: Run | None = None) -> list[WizardStep]:
    """The steps of this draft's purpose, with the answers given so far; each that can be changed is a link."""
    rows = _rows(draft)
    names = [name for name, *_ in rows]
    position = names.index(current)
    return [
        WizardStep(
            name=name,
            title=title,
            answer=answer,
            url=url if run is None and index != position and (index < position or bool(answer)) else "",
            is_current=index == position,
            is_done=index < position,
        )
        for index, (name, title, answer, url) in enumerate(rows)
    ]


def _rows(draft: Draft | None) -> list[tuple[str, str, str, str]]:
    if draft is None:
        return [
            ("environment", "Environment", "", ""),
            ("account", "AWS account", "", ""),
            ("permissions", "Permissions", "", ""),
            ("review", "Review the plan", "", ""),
            ("run", "Progress and result", "", ""),
        ]
    answers = draft.answers
    environment = f"{answers.get('name', '')} · {answers.get('region', '')}"
    account = dashed(answers["account_id"]) if answers.get("account_id") else ""
    tail = [
        ("review", "Review the plan", "", reverse("draft_review", args=[draft.pk]) if draft.pk else ""),
        ("run", "Progress and result", "", ""),
    ]
    if draft.purpose == Draft.Purpose.DISCONNECT:
        url = reverse("environment_disconnect", args=[draft.environment_id])
        return [("disconnect", "Disconnect", answers.get("name", ""), url), *tail]
    if draft.purpose == Draft.Purpose.CHANGE:
        return [("change", "Change", environment, reverse("environment_change", args=[draft.environment_id])), *tail]
    if draft.purpose == Draft.Purpose.MIGRATE:
        return [("migration", "Move to another issuer", environment, _migration_url(draft)), *tail]
    if draft.purpose != Draft.Purpose.CONNECT:
        return tail
    # Until the person has been through the step, permissions are only a default: no answer is shown for them.
    permissions = PERMISSION_ANSWERS.get(answers.get("permissions", ""), "") if answers.get("role_name") else ""
    return [
        ("environment", "Environment", environment, reverse("draft_environment", args=[draft.pk])),
        ("account", "AWS account", account, reverse("draft_account", args=[draft.pk])),
        ("permissions", "Permissions", permissions, reverse("draft_permissions", args=[draft.pk]) if account else ""),
        *tail,
    ]


def _migration_url(draft: Draft) -> str:
    migration = draft.answers.get("migration")
    return reverse("migration", args=[migration]) if migration else ""


def build_notes(draft: Draft) -> list[str]:
    """What is unusual about the answers, though not wrong."""
    answers = draft.answers
    notes = describe_unusual(
        organization_id=answers.get("organization_id", ""), environment_id=answers.get("environment_id", "")
    )
    region = answers.get("region", "")
    if region and region not in BEDROCK_REGIONS:
        notes.append(
            f"{region} is not in this console's list of regions with Amazon Bedrock. AWS may have added it since."
        )
    return notes


def _is_adopted(draft: Draft) -> bool:
    """Whether the role is one that somebody else made: as consented to in this draft, or as was agreed before."""
    if (draft.answers.get("adopts") or draft.found) and draft.purpose != Draft.Purpose.DISCONNECT:
        return True
    agreed = Connection.objects.filter(environment=environment_of(draft)).exclude(role_arn="")
    last = agreed.values_list("desired", "role_name").first() if draft.purpose != Draft.Purpose.CONNECT else None
    return bool(last and last[0].get("is_adopted") and last[1] == draft.answers.get("role_name"))


def draft_context(draft: Draft, *, current: str, run: Run | None = None) -> dict[str, Any]:
    """The context that every page of a draft shares."""
    account_id = draft.answers.get("account_id", "")
    account = Account.objects.filter(account_id=account_id).first() if account_id else None
    return {
        "draft": draft,
        "environment": draft.environment,
        "answers": draft.answers,
        "issuer": draft.answers.get("issuer_url", ""),
        "subject": f"env:{draft.answers.get('organization_id', '')}:{draft.answers.get('environment_id', '')}",
        "account": account,
        "defaults": defaults_of(account),
        "is_adopted": _is_adopted(draft),
        "account_dashed": dashed(account_id) if account_id else "",
        "permission_words": PERMISSION_ANSWERS.get(draft.answers.get("permissions", ""), ""),
        "steps": build_steps(draft, current=current, run=run),
        "notes": build_notes(draft),
    }
