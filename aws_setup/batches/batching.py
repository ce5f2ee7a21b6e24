"""Many at once: plans that are asked for, looked at and approved together, each with a run and a result of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from aws_setup.approval import approve_plan
from aws_setup.batches.standing import RowStanding, read_batch
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, request_plans, restart_draft
from aws_setup.models import Batch, BatchRow, Draft, IssuerMigration, Run
from aws_setup.status import refresh_status
from environments.history import Actor

TypedRow = tuple[Mapping[str, str], Draft | Problem]
"""What was typed, by column (empty where nothing was), and the stored draft that came of it, or why none did."""


@dataclass(frozen=True)
class BatchApproval:
    """What one approval came to. A refused row holds up no other; it says why, and can be planned again."""

    runs: tuple[Run, ...]
    refused: tuple[tuple[BatchRow, Problem], ...]


@transaction.atomic
def start_batch(
    *,
    owner: User | None,
    actor: Actor,
    title: str,
    purpose: str,
    rows: Sequence[TypedRow],
    migration: IssuerMigration | None = None,
    now: datetime,
) -> Batch:
    """Store the rows, in their order from 1, and ask for a plan of every draft among them."""
    batch = Batch.objects.create(
        owner=owner, actor=actor, title=title[:200], purpose=purpose, migration=migration, created_at=now
    )
    BatchRow.objects.bulk_create(
        BatchRow(
            batch=batch,
            position=position,
            typed=dict(typed),
            problem=outcome.to_json() if isinstance(outcome, Problem) else None,
            draft=outcome if isinstance(outcome, Draft) else None,
        )
        for position, (typed, outcome) in enumerate(rows, start=1)
    )
    request_plans([outcome for _, outcome in rows if isinstance(outcome, Draft)], actor=actor, now=now)
    return batch


def approve_batch(batch: Batch, *, digest: str, actor: Actor, now: datetime) -> BatchApproval:
    """Approve exactly the plans that were shown, each as if it were approved alone.

    Raises Blocked, and nothing has been agreed to, where the plans that wait are not those with this digest, or an
    account has no room for all their roles. A plan that is refused by itself holds up no other: its row says why.
    """
    standing = read_batch(batch, now=now)
    if not standing.digest or standing.digest != digest:
        raise Blocked(_batch_is_another())
    if standing.shortages:
        raise Blocked(standing.shortages[0])
    runs: list[Run] = []
    refused: list[tuple[BatchRow, Problem]] = []
    for row in standing.planned:
        assert row.plan is not None  # noqa: S101  of a row that waits for approval
        try:
            runs.append(approve_plan(row.plan, fingerprint=row.plan.fingerprint, actor=actor, now=now))
        except Blocked as refusal:
            if not Run.objects.filter(plan=row.plan).exists():  # else somebody else approved this very plan meanwhile
                refused.append((row.row, refusal.problem))
                _note_refusal(row, refusal.problem, now=now)
    return BatchApproval(tuple(runs), tuple(refused))


def _note_refusal(row: RowStanding, problem: Problem, *, now: datetime) -> None:
    """The row says why it was refused, and is planned again with the others that could not go on."""
    draft = row.draft
    if draft is None or draft.environment is None:
        return
    Draft.objects.filter(pk=draft.pk, state=Draft.State.PLANNED, plans__run__isnull=True).update(
        state=Draft.State.BLOCKED, problem=problem.to_json(), found=None
    )
    refresh_status(draft.environment, now=now)


@transaction.atomic
def retry_rows(batch: Batch, *, actor: Actor, now: datetime) -> list[BatchRow]:
    """Plan the failed and blocked rows anew with the same answers, also those that ran out or had no room.

    Never those that succeeded or are live. A failed row gets a draft of its own anew and its history stays; one that
    came to no run is planned again as it is. Returns the rows that were taken up.
    """
    BatchRow.objects.select_for_update().filter(batch=batch).values_list("pk").first()
    taken: list[BatchRow] = []
    for standing in read_batch(batch, now=now).retryable:
        if (draft := _draft_again(batch, standing, actor=actor)) is None:
            continue
        request_plan(draft, actor=actor, now=now)
        taken.append(standing.row)
    return taken


def _draft_again(batch: Batch, standing: RowStanding, *, actor: Actor) -> Draft | None:
    before = standing.draft
    if before is None or before.environment is None:
        return None
    if standing.run is None:
        return before
    draft = restart_draft(
        owner=batch.owner, environment=before.environment, purpose=before.purpose, actor=actor, **before.answers
    )
    point_row(standing.row, draft=draft)
    return draft


def point_row(row: BatchRow, *, draft: Draft) -> None:
    """Let the row stand for this draft from now on."""
    BatchRow.objects.filter(pk=row.pk).update(draft=draft, problem=None)
    row.draft, row.problem = draft, None


@transaction.atomic
def replace_row(
    row: BatchRow, *, typed: Mapping[str, str], outcome: Draft | Problem, actor: Actor, now: datetime
) -> None:
    """Store what was typed anew for one row, and ask for a plan where a draft came of it.

    Where none came of it, a row that had a draft before keeps that and what was typed for it.
    """
    if isinstance(outcome, Problem):
        if row.draft_id is None:
            BatchRow.objects.filter(pk=row.pk).update(typed=dict(typed), problem=outcome.to_json())
            row.typed, row.problem = dict(typed), outcome.to_json()
        return
    BatchRow.objects.filter(pk=row.pk).update(typed=dict(typed))
    row.typed = dict(typed)
    point_row(row, draft=outcome)
    request_plan(outcome, actor=actor, now=now)


def _batch_is_another() -> Problem:
    return Problem(
        code="batch_is_another",
        sentence="The plans are no longer those you saw.",
        why="One of them was made anew, ran out or was approved meanwhile. Nothing was written by this click.",
        remedy="Look at them again.",
    )
