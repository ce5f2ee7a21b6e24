"""The same services without a browser: what `manage.py connect`, `disconnect` and `verify` do, in their own process.

They work under the same leases as the workers, so they may run beside them. Progress goes to `say`, one line each.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import OperationalError, transaction
from django.utils import timezone

from aws_setup import approval, hints, planning, provisioning, verification
from aws_setup.accounts import OpenGateway, check_own_chain
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft, save_answers, start_draft
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import (
    Account,
    Connection,
    Draft,
    Plan,
    Run,
    Verification,
    VertesiaAccess,
    VertesiaJob,
    WorkerCaller,
)
from aws_setup.observed import ObservedRole
from aws_setup.status import refresh_status
from aws_setup.trust.adoption import Adoption, review_adoption
from aws_setup.vertesia import jobs
from aws_setup.vertesia.access import OpenVertesia, request_import
from environments.history import Actor
from environments.models import Environment, Event

logger = logging.getLogger(__name__)
Say = Callable[[str], None]
POLL_SECONDS = 0.5


@dataclass
class Meter:
    """Opens gateways and remembers them, so that their calls can be added up."""

    open_gateway: OpenGateway
    opened: list[Gateway] = field(default_factory=list)

    def __call__(self, account: Account | None) -> Gateway:
        gateway = self.open_gateway(account)
        self.opened.append(gateway)
        return gateway

    @property
    def calls(self) -> int:
        """AWS calls made through every gateway opened here."""
        return sum(gateway.calls for gateway in self.opened)

    @property
    def seconds(self) -> float:
        """How long those calls took."""
        return sum(gateway.seconds for gateway in self.opened)


class RoleFound(Blocked):
    """The role is somebody else's: `adoption` is what a person, or a program in their name, may consent to."""

    def __init__(self, problem: Problem, adoption: Adoption) -> None:
        super().__init__(problem)
        self.adoption = adoption


def find_account(open_gateway: OpenGateway, *, account_id: str, now: datetime) -> Account:
    """The account to act in: the one named, or the one that the worker's own credentials lead to. Raises Blocked."""
    if account_id:
        account = Account.objects.filter(account_id=account_id).first()
        if account is None:
            raise Blocked(_unknown_account(account_id))
        return account
    caller = check_own_chain(open_gateway, now=now, keeps_alias=True)
    if caller is None:
        raise Blocked(Problem.from_json(WorkerCaller.objects.get(id=1).problem or {}))
    return Account.objects.get(account_id=caller.account_id)


def _unknown_account(account_id: str) -> Problem:
    return Problem(
        code="account_unknown",
        sentence=f"AWS account {account_id} is not known here.",
        remedy="Add it on the page Accounts, with the role that the console may assume in it.",
    )


def plan_connection(
    environment: Environment,
    *,
    answers: dict[str, object],
    open_gateway: OpenGateway,
    actor: Actor,
) -> Plan:
    """Plan a first connection, or a change of the agreed one. Raises Blocked with the reason where it cannot be."""
    is_connected = Connection.objects.filter(environment=environment).exclude(role_arn="").exists()
    purpose = Draft.Purpose.CHANGE if is_connected else Draft.Purpose.CONNECT
    draft = start_draft(owner=None, environment=environment, purpose=purpose, actor=actor)
    return _make_plan(draft, answers=answers, open_gateway=open_gateway, actor=actor)


def plan_disconnection(
    environment: Environment, *, removes_provider: bool, open_gateway: OpenGateway, actor: Actor
) -> Plan:
    """Plan that nothing of ours is left. Raises Blocked with the reason where it cannot be."""
    draft = restart_draft(owner=None, environment=environment, purpose=Draft.Purpose.DISCONNECT, actor=actor)
    answers: dict[str, object] = {"removes_provider": removes_provider}
    return _make_plan(draft, answers=answers, open_gateway=open_gateway, actor=actor)


def _is_waiting_for_plan(draft: Draft) -> bool:
    return Draft.objects.filter(pk=draft.pk, state=Draft.State.PLANNING).exists()


def _make_plan(draft: Draft, *, answers: dict[str, object], open_gateway: OpenGateway, actor: Actor) -> Plan:
    plan: Plan | None = None
    try:
        with hints.suppressed():
            save_answers(draft, **answers)
            request_plan(draft, actor=actor, now=timezone.now())
        plan = planning.make_plan(draft.pk, open_gateway=open_gateway, now=timezone.now())
        while plan is None and _is_waiting_for_plan(draft):  # AWS is busy
            time.sleep(POLL_SECONDS)
            plan = planning.make_plan(draft.pk, open_gateway=open_gateway, now=timezone.now())
        if plan is None:
            draft.refresh_from_db()
            if draft.state == Draft.State.PLANNED:  # a worker's sweep was faster: the plan is the same one
                plan = draft.plans.first()
        if plan is None:
            problem = Problem.from_json(draft.problem) if draft.problem else _planned_elsewhere()
            if draft.found:
                desired, role = (DesiredState.from_json(draft.found["desired"]), draft.found["role"])
                raise RoleFound(problem, review_adoption(desired, ObservedRole.from_json(role)))
            raise Blocked(problem)
    finally:
        if plan is None:
            draft.delete()
    return plan


@transaction.atomic
def withdraw_plan(plan: Plan, *, now: datetime) -> None:
    """Forget a plan that nobody approved, the draft it was made of, and that it was made."""
    if Run.objects.filter(plan=plan).exists():
        return
    made = Event.objects.filter(environment=plan.environment, action="plan.made", at__gte=plan.draft.created_at)
    made.filter(data__fingerprint=plan.fingerprint).delete()
    plan.draft.delete()
    refresh_status(plan.environment, now=now)


@transaction.atomic
def unregister(environment: Environment, *, with_organization: bool) -> None:
    """Forget an environment that was taken up for a plan that came to nothing, unless somebody else uses it by now."""
    unused = Environment.objects.filter(
        pk=environment.pk, connection__isnull=True, drafts__isnull=True, plans__isnull=True
    )
    if not unused.exists():
        return
    Event.objects.filter(environment=environment).delete()
    organization = environment.organization
    environment.delete()
    if with_organization and not organization.environments.exists():
        organization.delete()


def _planned_elsewhere() -> Problem:
    return Problem(
        code="planned_elsewhere", sentence="A worker made this plan at the same moment.", remedy="Run it again."
    )


def approve_plan(plan: Plan, *, actor: Actor) -> Run:
    """Agree to this plan. Raises Blocked where a run is live, or a name or id in it was taken meanwhile."""
    with hints.suppressed():
        return approval.approve_plan(plan, fingerprint=plan.fingerprint, actor=actor, now=timezone.now())


def finish_run(run: Run, *, open_gateway: OpenGateway, say: Say, open_vertesia: OpenVertesia | None = None) -> None:
    """See a run to its end."""
    _work(
        run,
        lambda: provisioning.advance_run(
            run.pk, open_gateway=open_gateway, open_vertesia=open_vertesia, clock=timezone.now
        ),
        say,
    )


def finish_job(job: VertesiaJob, *, open_vertesia: OpenVertesia, say: Say) -> None:
    """See what is asked of Vertesia to its end."""
    _work(job, lambda: jobs.advance_job(job.pk, open_vertesia=open_vertesia, clock=timezone.now), say)


def import_environments(access: VertesiaAccess, *, open_vertesia: OpenVertesia, actor: Actor, say: Say) -> VertesiaJob:
    """Read the organization's environments; where a worker does so already, wait for what comes of it."""
    with hints.suppressed():
        job = request_import(access, actor=actor, now=timezone.now())
    job = job or access.jobs.filter(kind=VertesiaJob.Kind.IMPORT)[0]
    finish_job(job, open_vertesia=open_vertesia, say=say)
    return job


def verify_connection(
    connection: Connection,
    *,
    open_gateway: OpenGateway,
    actor: Actor,
    say: Say,
    with_isolation: bool = False,
    open_vertesia: OpenVertesia | None = None,
) -> Verification | None:
    """Prove the connection anew and wait for the result; None where a set-up is under way."""
    with hints.suppressed():
        proof = verification.request_verification(
            connection, actor=actor, now=timezone.now(), with_isolation=with_isolation
        )
    proof = proof or connection.verifications.filter(finished_at__isnull=True).first()
    if proof is None:
        return None
    pk = proof.pk
    _work(
        proof,
        lambda: verification.advance_verification(
            pk, open_gateway=open_gateway, open_vertesia=open_vertesia, clock=timezone.now
        ),
        say,
    )
    return proof


def _advance_once(advance: Callable[[], datetime | None]) -> datetime | None:
    """A locked database is waited for; a mistake of the console stands in the work's own problem, and in the log."""
    try:
        return advance()
    except OperationalError as error:
        logger.warning("The database did not take it; trying again: %s", error)
    except Exception as error:
        logger.error("The console made a mistake: %r", error, exc_info=logger.isEnabledFor(logging.DEBUG))
    return None


def _work(work: Run | Verification | VertesiaJob, advance: Callable[[], datetime | None], say: Say) -> None:
    """Do the work in this process, waiting as it asks; where another worker has it, watch until it is over."""
    said = ""
    with hints.suppressed():
        while True:
            due = _advance_once(advance)
            work.refresh_from_db()
            if work.is_finished:
                return
            if work.doing != said:
                said = work.doing
                say(said)
            pause = (due - timezone.now()).total_seconds() if due else POLL_SECONDS
            time.sleep(max(0.0, min(pause, 10.0)))
