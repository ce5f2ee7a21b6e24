"""Drafts: a person's answers on the way to a plan, kept at every step."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from aws_setup import hints
from aws_setup.company_defaults import defaults_of
from aws_setup.desired import DesiredState
from aws_setup.models import Account, Connection, Draft, Permissions, WorkerCaller
from aws_setup.names import default_role_name, tell_apart
from aws_setup.observed import ObservedRole
from aws_setup.status import refresh_status
from aws_setup.trust.adoption import why_not_adoptable
from environments.history import Actor, record
from environments.models import Environment


class Answers(TypedDict, total=False):
    """What Draft.answers holds: the wanted values, as typed and checked. Nothing secret."""

    name: str
    organization_id: str
    environment_id: str
    region: str
    issuer_url: str
    account_id: str
    role_name: str
    permissions: str
    policy_arn: str
    tags: dict[str, str]
    adopts: str
    """Digest of the observed.ObservedRole whose adoption a person consented to."""
    removes_provider: bool
    trusts: list[str]
    """Of a migration: the issuers that the role is to trust."""
    migration: int
    """Of a migration: the move that it is a step of."""
    run: int
    """Of an undoing: the run that is to be undone."""


def unfinished_drafts(drafts: models.QuerySet[Draft]) -> models.QuerySet[Draft]:
    """Those of `drafts` that no run came of, and no later agreement on their environment has overtaken."""
    is_overtaken = Q(environment__connection__agreed_at__gt=F("created_at"))
    return drafts.filter(environment__isnull=False).exclude(plans__run__isnull=False).exclude(is_overtaken)


def find_draft(*, owner: User, environment: Environment, purpose: str) -> Draft | None:
    """The unfinished draft of this owner, environment and purpose; None where there is none to continue."""
    return unfinished_drafts(Draft.objects.filter(owner=owner, environment=environment, purpose=purpose)).first()


def new_draft(*, owner: User | None, environment: Environment, purpose: str, actor: Actor) -> Draft:
    """A draft, not stored yet, with answers from the environment and from what was agreed for it."""
    return Draft(
        owner=owner,
        actor=actor,
        purpose=purpose,
        environment=environment,
        answers={**_answers_from_environment(environment), **_answers_from_connection(environment)},
    )


def start_draft(*, owner: User | None, environment: Environment, purpose: str, actor: Actor) -> Draft:
    """A draft with answers filled in from the environment and what was agreed for it.

    An unfinished draft of the same owner, environment and purpose is continued, with the environment's present name;
    one for `connect` also takes its ids, region and issuer from the environment, which is where a person corrects them.
    """
    draft = find_draft(owner=owner, environment=environment, purpose=purpose) if owner is not None else None
    if draft is None:
        draft = new_draft(owner=owner, environment=environment, purpose=purpose, actor=actor)
        draft.save()
        return draft
    fresh = _answers_from_environment(environment) if purpose == Draft.Purpose.CONNECT else {"name": environment.name}
    if any(draft.answers.get(key) != value for key, value in fresh.items()):
        save_answers(draft, **fresh)
    return draft


def restart_draft(*, owner: User | None, environment: Environment, purpose: str, actor: Actor, **answers: Any) -> Draft:
    """A stored draft of what is agreed and known now, and `answers`; an earlier unfinished one gives way to it."""
    if owner is not None:
        unfinished_drafts(owner.drafts.filter(environment=environment, purpose=purpose)).delete()
    draft = new_draft(owner=owner, environment=environment, purpose=purpose, actor=actor)
    draft.answers |= answers
    draft.save()
    return draft


def _answers_from_environment(environment: Environment) -> Answers:
    return {
        "name": environment.name,
        "organization_id": environment.organization.organization_id,
        "environment_id": environment.environment_id,
        "region": environment.endpoint_url,
        "issuer_url": environment.organization.issuer.url,
    }


def _answers_from_connection(environment: Environment) -> Answers:
    """The account and role agreed before; for a first connection, the account the worker itself is in."""
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    if connection is None:
        caller = WorkerCaller.objects.filter(problem__isnull=True).first()
        return {
            "account_id": caller.account_id if caller else "",
            "role_name": "",
            "permissions": Permissions.INVOKE,
            "policy_arn": "",
            "tags": {},
        }
    desired = connection.desired
    return {
        "account_id": connection.account.account_id,
        "region": connection.region,
        "role_name": connection.role_name,
        "permissions": desired.get("permissions", Permissions.INVOKE),
        "policy_arn": desired.get("policy_arn", ""),
        "tags": dict(desired.get("tags", ())),
    }


def save_answers(draft: Draft, **answers: Any) -> bool:
    """Store answers beside those given before; the draft is being edited again and any plan of it is out of date.

    False where a run came of the draft meanwhile: its answers are history.
    """
    editable = Draft.objects.filter(pk=draft.pk).exclude(plans__run__isnull=False)
    with transaction.atomic():
        # Read under a lock: another tab may have stored another answer since this draft was fetched.
        stored = editable.select_for_update().first()
        if stored is None:
            return False
        is_renamed = answers.get("role_name", stored.answers.get("role_name")) != stored.answers.get("role_name")
        if is_renamed and stored.answers.get("adopts"):
            answers = {"adopts": "", **answers}  # consent was to a role of that name
        editable.update(
            answers={**stored.answers, **answers},
            state=Draft.State.EDITING,
            problem=None,
            found=None,
            planning_requested_at=None,
            updated_at=models.functions.Now(),
        )
    draft.refresh_from_db(fields=["answers", "state", "problem", "planning_requested_at", "updated_at"])
    if stored.state == Draft.State.PLANNED and draft.environment is not None:
        refresh_status(draft.environment, now=timezone.now())
    return True


def request_plan(draft: Draft, *, actor: Actor, now: datetime) -> bool:
    """Ask a worker to look at AWS and make a plan of the answers; False where a run came of the draft meanwhile.

    Whoever asks is who the plan says asked, whoever began the draft.
    The database row is the request; the message is a hint that makes it quick. Where the broker cannot be reached,
    the next sweep finds the row.
    """
    requested = (
        Draft.objects.filter(pk=draft.pk)
        .exclude(plans__run__isnull=False)
        .update(
            state=Draft.State.PLANNING, problem=None, found=None, planning_requested_at=now, updated_at=now, actor=actor
        )
    )
    if not requested:
        return False
    draft.refresh_from_db(fields=["state", "problem", "planning_requested_at", "updated_at", "actor"])
    hints.send(hints.MAKE_PLAN, draft.pk)
    return True


def request_plans(drafts: Iterable[Draft], *, actor: Actor, now: datetime) -> None:
    """Ask for the plans of many drafts as request_plan does for one, but in one UPDATE."""
    pks = [draft.pk for draft in drafts]
    Draft.objects.filter(pk__in=pks).exclude(plans__run__isnull=False).update(
        state=Draft.State.PLANNING, problem=None, found=None, planning_requested_at=now, updated_at=now, actor=actor
    )
    for pk in pks:
        hints.send(hints.MAKE_PLAN, pk)


def consent_to_adoption(draft: Draft, *, digest: str, actor: Actor, now: datetime) -> bool:
    """Consent to our statement in the very role that the plan met, and ask for the plan anew.

    False where that is no longer the role that stands there, it may not be adopted, or a run came of the draft.
    """
    if draft.state != Draft.State.BLOCKED or not draft.found:
        return False
    role = ObservedRole.from_json(draft.found["role"])
    if role.digest != digest or why_not_adoptable(DesiredState.from_json(draft.found["desired"]), role):
        return False
    if not save_answers(draft, adopts=digest):
        return False
    record_consent(role_arn=role.arn, digest=digest, environment=draft.environment, actor=actor)
    return request_plan(draft, actor=actor, now=now)


def record_consent(*, role_arn: str, digest: str, environment: Environment | None, actor: Actor) -> None:
    """Write down who consented to which role, as its digest names it."""
    record(
        "role.adoption_consented",
        f"Consented to adopt role {role_arn.rsplit('/', 1)[-1]}, which somebody else made: our statement goes into its "
        "trust policy.",
        actor=actor,
        environment=environment,
        data={"role": role_arn, "digest": digest},
    )


def free_role_name(draft: Draft, *, account: Account) -> str:
    """The role name agreed before, or the default one, told apart by the environment's id where another one has it."""
    if draft.answers.get("role_name"):
        return str(draft.answers["role_name"])
    name = default_role_name(draft.answers["name"], prefix=defaults_of(account).prefix)
    if not is_role_name_taken(draft, account_id=account.account_id, role_name=name):
        return name
    return tell_apart(name, environment_id=draft.answers["environment_id"])


def is_role_name_taken(draft: Draft, *, account_id: str, role_name: str) -> bool:
    """Whether another environment here has this role name in this account; IAM compares regardless of case."""
    others = Connection.objects.exclude(environment=draft.environment)
    return others.filter(account__account_id=account_id, role_name__iexact=role_name).exists()
