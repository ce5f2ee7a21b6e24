"""What must never be in the database, the database itself refuses: every named constraint of aws_setup."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction

from aws_setup.models import (
    Account,
    Batch,
    BatchRow,
    Check,
    Connection,
    Delivery,
    Draft,
    Finding,
    IssuerMigration,
    ListedModel,
    Listing,
    Notice,
    Observation,
    Plan,
    ProofDay,
    ResourceLease,
    Run,
    Step,
    Verification,
    VertesiaAccess,
    VertesiaJob,
    WorkerCaller,
)
from environments.models import Issuer
from tests.aws_setup.journeys import VERTESIA_ISSUER, Console
from tests.fake_aws import NOON, SECOND

Break = Callable[[Console, Run], Any]


def second_connection(console: Console, run: Run, **changes: Any) -> Connection:
    mine = run.connection
    return Connection.objects.create(
        **{
            "environment": console.environment(),
            "account": mine.account,
            "region": "us-east-1",
            "role_name": "Another",
            "desired": {},
        }
        | changes
    )


def copy_of(row: models.Model, **changes: Any) -> Any:
    """The same row once more, but for `changes`."""
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    return type(row)._default_manager.create(**values | changes)


def migration_of(run: Run, **changes: Any) -> IssuerMigration:
    organization = run.connection.environment.organization
    values = {"from_issuer": organization.issuer, "to_issuer": Issuer.objects.get(url=VERTESIA_ISSUER)}
    return IssuerMigration.objects.create(organization=organization, started_by="mona", **values | changes)


def notice_of(run: Run, *, kind: str = "opened") -> Notice:
    finding, _ = Finding.objects.get_or_create(connection=run.connection, code="drift", problem={})
    return Notice.objects.create(finding=finding, kind=kind, created_at=NOON)


def access_of(**changes: Any) -> VertesiaAccess:
    values = {"site": "sandbox", "api_key_encrypted": b"-", "key_sha256": "-", "created_by": "mona"}
    return VertesiaAccess.objects.create(**values | changes)


BREAKS: dict[str, Break] = {
    "worker_caller_is_one_row": lambda console, run: WorkerCaller.objects.create(id=2),
    "account_id_12_digits": lambda console, run: Account.objects.create(account_id="12345678901"),
    "connection_role_name_unique_any_case": lambda console, run: second_connection(
        console, run, role_name=run.connection.role_name.upper()
    ),
    "account_session_1_to_12_hours": lambda console, run: Account.objects.update(max_session_seconds=60),
    "observation_one_live_per_connection": lambda console, run: [
        Observation.objects.create(connection=run.connection, actor="mona") for _ in range(2)
    ],
    "observation_finished_when_over": lambda console, run: Observation.objects.create(
        connection=run.connection, actor="mona", state="same"
    ),
    "migration_one_open_per_organization": lambda console, run: [migration_of(run) for _ in range(2)],
    "migration_leads_somewhere_else": lambda console, run: migration_of(
        run, to_issuer=run.connection.environment.organization.issuer
    ),
    "batch_row_position_unique": lambda console, run: [
        BatchRow.objects.create(batch=Batch.objects.get_or_create(title="Many")[0], position=1) for _ in range(2)
    ],
    "draft_state_known": lambda console, run: Draft.objects.update(state="lost"),
    "plan_approved_by_somebody": lambda console, run: Plan.objects.update(approved_by=""),
    "plan_approved_in_time": lambda console, run: Plan.objects.update(approved_at=NOON + timedelta(days=1)),
    "run_one_live_per_connection": lambda console, run: [
        copy_of(run, plan_id=copy_of(run.plan).pk, state="applying", finished_at=None) for _ in range(2)
    ],
    "run_finished_when_over": lambda console, run: Run.objects.update(finished_at=None),
    "step_position_unique": lambda console, run: copy_of(Step.objects.all()[0]),
    "verification_one_live_per_connection": lambda console, run: [
        Verification.objects.create(connection=run.connection, actor="mona") for _ in range(2)
    ],
    "verification_finished_when_over": lambda console, run: Verification.objects.update(finished_at=None),
    "connection_verification_interval_known": lambda console, run: Connection.objects.update(verify_every_hours=5),
    "proof_day_once_per_connection": lambda console, run: copy_of(ProofDay.objects.get()),
    "check_position_unique": lambda console, run: copy_of(Check.objects.all()[0]),
    "listed_model_position_unique": lambda console, run: copy_of(ListedModel.objects.all()[0]),
    "finding_open_once": lambda console, run: [
        Finding.objects.create(connection=run.connection, code="drift", problem={}) for _ in range(2)
    ],
    "notice_once_per_finding_and_kind": lambda console, run: [notice_of(run) for _ in range(2)],
    "notice_kind_known": lambda console, run: notice_of(run, kind="changed"),
    "delivery_channel_known": lambda console, run: Delivery.objects.create(channel="pigeon"),
    "delivery_finished_when_over": lambda console, run: Delivery.objects.create(channel="email", state="sent"),
    "delivery_failed_for_a_reason": lambda console, run: Delivery.objects.create(
        channel="email", state="failed", finished_at=NOON
    ),
    "vertesia_access_of_an_organization_is_checked": lambda console, run: access_of(
        organization=run.connection.environment.organization
    ),
    "vertesia_job_one_live_import": lambda console, run: [
        VertesiaJob.objects.create(access=VertesiaAccess.objects.first() or access_of(), kind="import", actor="mona")
        for _ in range(2)
    ],
    "vertesia_job_finished_when_over": lambda console, run: VertesiaJob.objects.create(
        access=access_of(), kind="import", actor="mona", state="done"
    ),
    "delivery_one_test_at_a_time": lambda console, run: [
        Delivery.objects.create(channel="email", is_test=True) for _ in range(2)
    ],
}


@pytest.fixture
def run(console: Console) -> Run:
    return console.connect(console.environment(name="Marketing"))


@pytest.mark.parametrize("name", BREAKS)
def test_the_database_refuses(console: Console, run: Run, name: str) -> None:
    with pytest.raises(IntegrityError, match=words_of(name)), transaction.atomic():
        BREAKS[name](console, run)


def words_of(name: str) -> str:
    """What the database says of a constraint: its name, or where SQLite names none, the columns it spans."""
    for model in apps.get_app_config("aws_setup").get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name and isinstance(constraint, models.UniqueConstraint) and constraint.fields:
                columns = [model._meta.get_field(field).column for field in constraint.fields]
                return rf"{name}|" + ", ".join(rf"{model._meta.db_table}\.{column}" for column in columns)
    return name


def test_every_named_constraint_is_shown_to_hold() -> None:
    named = {
        constraint.name
        for model in apps.get_app_config("aws_setup").get_models()
        for constraint in model._meta.constraints
    }
    assert set(BREAKS) == named


@pytest.mark.parametrize(
    "make_second",
    [
        lambda run: Account.objects.create(account_id=run.connection.account.account_id),
        lambda run: copy_of(run, state="failed"),
        lambda run: copy_of(Listing.objects.get()),
        lambda run: [
            ResourceLease.objects.create(resource="arn:role", token=uuid.uuid4(), until=NOON) for _ in range(2)
        ],
    ],
    ids=["account", "run of a plan", "listing", "resource lease"],
)
def test_what_there_is_one_of_there_is_one_of(run: Run, make_second: Callable[[Run], Any]) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)unique"), transaction.atomic():
        make_second(run)


def test_role_names_may_repeat_in_another_account(console: Console, run: Run) -> None:
    other = Account.objects.create(account_id=SECOND)
    assert second_connection(console, run, account=other, role_name=run.connection.role_name).pk


def test_a_plan_with_a_run_and_an_account_in_use_cannot_be_deleted(run: Run) -> None:
    with pytest.raises(models.ProtectedError):
        run.connection.account.delete()
    with pytest.raises(models.RestrictedError):
        run.plan.delete()
