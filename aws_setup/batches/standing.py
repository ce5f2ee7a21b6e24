"""How a batch stands: what became of each row, what all plans that wait for approval do together, and their digest."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Max

from aws_setup.account_quotas import count_free_roles
from aws_setup.canonical import canonical
from aws_setup.diagnosis import Problem
from aws_setup.models import Account, Batch, BatchRow, Draft, Plan, Run
from aws_setup.names import dashed
from aws_setup.plans.effect import Effect, measure_effect, plan_assurances, plan_effect
from aws_setup.plans.quotas import explain_shortage


class RowState(models.TextChoices):
    """What became of a row; worst first, which is how a person reads them."""

    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Cannot be planned"
    INVALID = "invalid", "Not understood"
    OUTDATED = "outdated", "Plan ran out"
    GONE = "gone", "Given up"
    EDITING = "editing", "Being edited"
    PLANNING = "planning", "Planning"
    PLANNED = "planned", "Waiting for approval"
    RUNNING = "running", "Running"
    WAITING_FOR_VERTESIA = "waiting_for_vertesia", "Waiting for Vertesia"
    SUCCEEDED = "succeeded", "Succeeded"


LIVE = (RowState.PLANNING, RowState.RUNNING)
_BY_RUN = {
    Run.State.SUCCEEDED: RowState.SUCCEEDED,
    Run.State.WAITING_FOR_VERTESIA: RowState.WAITING_FOR_VERTESIA,
    Run.State.FAILED: RowState.FAILED,
}


@dataclass(frozen=True)
class RowStanding:
    """One row. `plan` is the one that waits for approval; `run` the last one that came of the row or overtook it."""

    row: BatchRow
    state: RowState
    sentence: str
    problem: Problem | None = None
    draft: Draft | None = None
    plan: Plan | None = None
    run: Run | None = None

    @property
    def position(self) -> int:
        return int(self.row.position)

    @property
    def answers(self) -> Mapping[str, Any]:
        """What is asked for, as far as it was understood; as typed where it was not."""
        answers: Mapping[str, Any] = self.draft.answers if self.draft is not None else self.row.typed
        return answers

    @property
    def name(self) -> str:
        """What a person calls the environment, or its id, or the row's number."""
        answers = self.answers
        return answers.get("name") or answers.get("environment_id") or f"Row {self.position}"

    @property
    def account(self) -> str:
        """The account id with dashes, as far as it is known."""
        account_id = self.answers.get("account_id") or ""
        return dashed(account_id) if len(account_id) == 12 else account_id

    @property
    def effect(self) -> Effect | None:
        """What the plan that waits for approval does."""
        return measure_effect(self.plan.actions) if self.plan is not None else None

    @property
    def creates_role(self) -> bool:
        return self.plan is not None and any(action["action"] == "CreateRole" for action in self.plan.actions)


@dataclass(frozen=True)
class AccountEffect:
    """What the plans of one account do together; a provider that they share is counted once."""

    account: Account
    plans: int
    effect: Effect
    sentence: str
    """As in `Create 1 identity provider and 12 roles in 1111-2222-3333`."""


@dataclass(frozen=True)
class BatchStanding:
    """Everything a page of a batch shows. `digest` is empty where no row waits for approval."""

    batch: Batch
    rows: tuple[RowStanding, ...]
    effects: tuple[AccountEffect, ...] = ()
    shortages: tuple[Problem, ...] = ()
    short_rows: frozenset[int] = frozenset()
    """Positions of the rows that ask for a role in an account without room for all of them."""
    assurances: tuple[str, ...] = ()
    digest: str = ""

    @property
    def counts(self) -> dict[RowState, int]:
        """How many rows are in each state, worst first; without the states that none is in."""
        return {state: count for state in RowState if (count := sum(row.state == state for row in self.rows))}

    @property
    def is_live(self) -> bool:
        """Whether a worker is at it, so that a page should look again soon."""
        return any(row.state in LIVE for row in self.rows)

    @property
    def is_planning(self) -> bool:
        return any(row.state == RowState.PLANNING for row in self.rows)

    @property
    def planned(self) -> list[RowStanding]:
        """The rows whose plan waits for approval."""
        return [row for row in self.rows if row.plan is not None]

    @property
    def retryable(self) -> list[RowStanding]:
        """The rows that can be planned again with the same answers: failed, blocked, run out, or without room."""
        again = (RowState.FAILED, RowState.BLOCKED, RowState.OUTDATED)
        return [row for row in self.rows if row.state in again or row.position in self.short_rows]


def read_batch(batch: Batch, *, now: datetime) -> BatchStanding:
    """How the batch stands now, in a handful of queries however many rows it has."""
    rows = read_rows(batch, now=now)
    planned = [row for row in rows if row.plan is not None]
    short = list(_find_shortages(planned))
    return BatchStanding(
        batch,
        tuple(rows),
        effects=tuple(_add_up(planned)),
        shortages=tuple(problem for problem, _ in short),
        short_rows=frozenset(position for _, positions in short for position in positions),
        assurances=tuple(plan_assurances(_actions_of(planned))) if planned else (),
        digest=_digest(planned),
    )


def read_rows(batch: Batch, *, now: datetime) -> list[RowStanding]:
    """Every row of the batch in its order, with what became of it."""
    rows = list(batch.rows.select_related("draft__environment"))
    drafts = [row.draft_id for row in rows if row.draft_id is not None]
    runs = _find_runs(drafts)
    waiting = [pk for pk in drafts if pk not in runs]
    newest = Draft.objects.filter(pk__in=waiting, state=Draft.State.PLANNED).annotate(newest=Max("plans"))
    plans = Plan.objects.filter(pk__in=newest.values("newest"), run__isnull=True).select_related("account")
    plan_of = {plan.draft_id: plan for plan in plans.defer("desired")}
    return [_read_row(row, runs.get(row.draft_id or 0), plan_of.get(row.draft_id or 0), now=now) for row in rows]


def _find_runs(drafts: Sequence[int]) -> dict[int, Run]:
    """The run that came of each draft, or the last one of its connection where that one was planned again since."""
    runs = Run.objects.filter(plan__draft__in=drafts).select_related("plan").defer("plan__desired", "plan__actions")
    found = {run.plan.draft_id: run for run in runs}
    failed = [run.connection_id for run in found.values() if run.state == Run.State.FAILED]
    if not failed:
        return found
    last = Run.objects.filter(connection__in=failed).values("connection").annotate(last=Max("pk")).values("last")
    later = {run.connection_id: run for run in Run.objects.filter(pk__in=last).select_related("plan")}
    return {draft: later[run.connection_id] if run.state == Run.State.FAILED else run for draft, run in found.items()}


def _read_row(row: BatchRow, run: Run | None, plan: Plan | None, *, now: datetime) -> RowStanding:
    draft = row.draft
    if draft is None:
        if row.problem is None:
            return RowStanding(row, RowState.GONE, "Another plan took its place, or the environment was deleted here.")
        problem = Problem.from_json(row.problem)
        return RowStanding(row, RowState.INVALID, problem.sentence, problem=problem)
    if run is not None:
        return _read_run(row, draft, run)
    if draft.state == Draft.State.PLANNED and plan is not None:
        if plan.expires_at <= now:
            return RowStanding(row, RowState.OUTDATED, "A plan counts for a day; this one ran out.", draft=draft)
        sentence = plan_effect(plan.actions, plan.account.dashed_id)
        return RowStanding(row, RowState.PLANNED, sentence, draft=draft, plan=plan)
    if draft.state == Draft.State.BLOCKED and draft.problem is not None:
        problem = Problem.from_json(draft.problem)
        return RowStanding(row, RowState.BLOCKED, problem.sentence, problem=problem, draft=draft)
    if draft.state == Draft.State.EDITING:
        return RowStanding(
            row, RowState.EDITING, "Its answers are being changed, and no plan is made yet.", draft=draft
        )
    return RowStanding(row, RowState.PLANNING, "A worker looks at AWS and makes the plan.", draft=draft)


def _read_run(row: BatchRow, draft: Draft, run: Run) -> RowStanding:
    state = _BY_RUN.get(Run.State(run.state), RowState.RUNNING)
    problem = Problem.from_json(run.problem) if run.problem and state == RowState.FAILED else None
    if problem is not None:
        sentence = problem.sentence
    elif state == RowState.RUNNING:
        sentence = run.doing
    elif state == RowState.WAITING_FOR_VERTESIA:
        sentence = "AWS holds what was agreed; the exchange cannot be proven from here."
    elif draft.purpose == Draft.Purpose.DISCONNECT:
        sentence = "AWS no longer holds the role."
    else:
        sentence = "AWS holds what was agreed, and it is proven."
    return RowStanding(row, state, sentence, problem=problem, draft=draft, run=run)


def _actions_of(planned: Iterable[RowStanding]) -> list[dict[str, Any]]:
    return [action for row in planned if row.plan is not None for action in row.plan.actions]


def _by_account(planned: Iterable[RowStanding]) -> dict[Account, list[RowStanding]]:
    grouped: dict[Account, list[RowStanding]] = {}
    for row in planned:
        if row.plan is not None:
            grouped.setdefault(row.plan.account, []).append(row)
    return dict(sorted(grouped.items(), key=lambda item: item[0].account_id))


def _add_up(planned: Iterable[RowStanding]) -> Iterable[AccountEffect]:
    for account, rows in _by_account(planned).items():
        actions = _actions_of(rows)
        yield AccountEffect(account, len(rows), measure_effect(actions), plan_effect(actions, account.dashed_id))


def _find_shortages(planned: Iterable[RowStanding]) -> Iterable[tuple[Problem, list[int]]]:
    """Where the plans of an account together make more roles than it has room for."""
    for account, rows in _by_account(planned).items():
        creating = [row.position for row in rows if row.creates_role]
        free = count_free_roles(account) if creating else None
        if free is not None and len(creating) > free:
            yield (
                explain_shortage(account_id=account.account_id, free=free, roles=len(creating), rows=creating),
                creating,
            )


def _digest(planned: Sequence[RowStanding]) -> str:
    fingerprints = [[row.position, row.plan.fingerprint] for row in planned if row.plan is not None]
    return hashlib.sha256(canonical(fingerprints).encode()).hexdigest() if fingerprints else ""
