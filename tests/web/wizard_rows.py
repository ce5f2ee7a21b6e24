"""Rows as the worker's tasks write them, for the pages on the way to a plan and from there to a result."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from aws_setup.approval import approve_plan
from aws_setup.desired import DesiredState
from aws_setup.drafting import request_plan, save_answers, start_draft
from aws_setup.models import (
    Account,
    Connection,
    Draft,
    ListedModel,
    Listing,
    Plan,
    Run,
    Step,
    Verification,
    WorkerCaller,
)
from aws_setup.observed import ObservedState
from aws_setup.planning import make_plan
from environments.history import Actor
from environments.installation import prepare_installation
from environments.models import Environment, Issuer, Status
from tests.factories import EnvironmentFactory

ACCOUNT_ID = "111122223333"
CALLER_ARN = f"arn:aws:iam::{ACCOUNT_ID}:user/vertesia-console"
A_WHILE_AGO = timedelta(minutes=5)


class AccountHolding:
    """An AWS account that can be looked at, holding what it is told; nothing by default."""

    def __init__(self, **holding: object) -> None:
        self.holding = {"provider": None, "role": None} | holding

    def observe(self, desired: DesiredState, *, with_quotas: bool = False) -> ObservedState:
        return ObservedState(account_id=ACCOUNT_ID, **self.holding)


def prepare() -> None:
    """First start: issuers, the signing key, Acme; and a worker that was found to act in one account."""
    now = timezone.now()
    prepare_installation(now=now, key_algorithm="ES256")
    WorkerCaller.objects.update_or_create(
        id=1, defaults={"account_id": ACCOUNT_ID, "caller_arn": CALLER_ARN, "source": "sandbox", "checked_at": now}
    )
    Account.objects.create(account_id=ACCOUNT_ID, alias="acme-sandbox", caller_arn=CALLER_ARN, checked_at=now)


def text_of(answer: Any) -> str:
    """The page as a person reads it: without tags, white space in one."""
    without_tags = re.sub(r"<[^>]+>", " ", answer.content.decode().replace("<wbr>", ""))
    return re.sub(r"\s+", " ", without_tags).replace("&#x27;", "'")


def signed_in_client() -> Client:
    client = Client()
    # Not by UserFactory: hashing a password that nobody types takes longer than most of these tests.
    client.force_login(User.objects.create(username=f"administrator{User.objects.count()}", is_staff=True))
    return client


def person_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def make_draft(client: Client, *, environment: Environment | None = None, purpose: str = "connect", **answers) -> Draft:
    """A draft of this person with every answer given."""
    environment = environment or EnvironmentFactory(name="Marketing")
    draft = start_draft(owner=person_of(client), environment=environment, purpose=purpose, actor=Actor("mona"))
    complete = {"account_id": ACCOUNT_ID, "role_name": draft.answers["role_name"] or f"Role{environment.pk}"}
    save_answers(draft, **(complete | answers))
    return draft


def let_worker_plan(draft: Draft, *, now: datetime | None = None, **holding: object) -> Plan | None:
    """What the planning task does: look at the account and store the plan."""
    now = now or timezone.now()
    if draft.state != Draft.State.PLANNING:
        request_plan(draft, actor=Actor(draft.actor), now=now)
    plan = make_plan(draft.pk, open_gateway=lambda account: AccountHolding(**holding), now=now)
    draft.refresh_from_db()
    return plan


def start_run(client: Client, **draft: object) -> Run:
    """A run that a person has just approved and no worker has touched."""
    plan = let_worker_plan(make_draft(client, **draft))
    assert plan is not None
    run = approve_plan(plan, fingerprint=plan.fingerprint, actor=Actor("mona"), now=timezone.now())
    assert run is not None
    return run


def finish_run(run: Run, state: str, **changes: object) -> None:
    """What the task writes when a run is over."""
    Run.objects.filter(pk=run.pk).update(state=state, finished_at=timezone.now(), **changes)
    if state != Run.State.FAILED:
        run.steps.update(state=Step.State.DONE, outcome="created")


def make_connected(client: Client, *, issuer: Issuer | None = None, **environment: object) -> Connection:
    """An environment whose role stands in AWS: proven with the built-in issuer, waiting for Vertesia with another."""
    made = EnvironmentFactory(**environment)
    if issuer is not None:
        made.organization.issuer = issuer
        made.organization.save()
    run = start_run(client, environment=made)
    is_builtin = made.organization.issuer.is_builtin
    finish_run(run, Run.State.SUCCEEDED if is_builtin else Run.State.WAITING_FOR_VERTESIA)
    desired = DesiredState.from_json(run.plan.desired)
    Connection.objects.filter(pk=run.connection_id).update(role_arn=desired.role_arn, provider_arn=desired.provider_arn)
    now = timezone.now()
    Verification.objects.create(
        connection=run.connection,
        run=run,
        actor="mona",
        state=Verification.State.PROVEN if is_builtin else Verification.State.NOT_PROVABLE,
        finished_at=now,
        limit=f"AWS accepts tokens for {desired.subject}. Only Vertesia can show that these are your ids.",
    )
    status = Status.CONNECTED if is_builtin else Status.WAITING_FOR_VERTESIA
    made.refresh_from_db()
    made.set_status(status, api_key=desired.role_arn, verified_at=now if is_builtin else None)
    return Connection.objects.select_related("environment__organization__issuer", "account").get(pk=run.connection_id)


def list_models(proof: Verification, *, shown: list[str], hidden: list[str]) -> None:
    """What a verification found, in this order."""
    listing = Listing.objects.create(digest=f"{proof.pk:064x}", shown=len(shown), total=len(shown) + len(hidden))
    ListedModel.objects.bulk_create(
        ListedModel(
            listing=listing,
            position=position,
            model_id=f"arn:aws:bedrock:us-east-1::foundation-model/m{position}",
            name=name,
            publisher="Somebody",
            kind="foundation",
            shown_in_studio=name in shown,
        )
        for position, name in enumerate([*shown, *hidden])
    )
    Verification.objects.filter(pk=proof.pk).update(listing=listing)
