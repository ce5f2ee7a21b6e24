"""The same services without a browser: what `manage.py connect` and `manage.py verify` do, in their own process.

They work under the same leases as the workers, so they may run beside them. Progress goes to `say`, one line each.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from aws_setup import hints, planning, provisioning, verification
from aws_setup.accounts import OpenGateway, check_own_chain
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, save_answers, start_draft
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import Account, Connection, Draft, Plan, Run, Verification, WorkerCaller
from aws_setup.status import refresh_status
from environments.history import Actor
from environments.models import Environment

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
    with hints.suppressed():
        save_answers(draft, **answers)
        request_plan(draft, now=timezone.now())
    plan = planning.make_plan(draft.pk, open_gateway=open_gateway, now=timezone.now())
    if plan is None:
        draft.refresh_from_db()
        problem = Problem.from_json(draft.problem) if draft.problem else _planned_elsewhere()
        raise Blocked(problem)
    return plan


def withdraw_plan(plan: Plan, *, now: datetime) -> None:
    """Forget a plan that nobody is to approve, and the draft it was made of."""
    plan.draft.delete()
    refresh_status(plan.environment, now=now)


def _planned_elsewhere() -> Problem:
    return Problem(
        code="planned_elsewhere", sentence="A worker made this plan at the same moment.", remedy="Run it again."
    )


def apply_plan(plan: Plan, *, open_gateway: OpenGateway, actor: Actor, say: Say) -> Run:
    """Approve this plan and see its run to the end. Raises Blocked where a run of the environment is live already."""
    with hints.suppressed():
        run = planning.approve_plan(plan, fingerprint=plan.fingerprint, actor=actor, now=timezone.now())
    if run is None:
        raise Blocked(
            Problem(
                code="run_is_live",
                sentence="A set-up of this environment is under way already.",
                remedy="Wait for it to finish; its page shows how far it is.",
            )
        )
    _work(run, lambda: provisioning.advance_run(run.pk, open_gateway=open_gateway, clock=timezone.now), say)
    return run


def verify_connection(
    connection: Connection, *, open_gateway: OpenGateway, actor: Actor, say: Say
) -> Verification | None:
    """Prove the connection anew and wait for the result; None where a set-up is under way."""
    with hints.suppressed():
        proof = verification.request_verification(connection, actor=actor, now=timezone.now())
    proof = proof or connection.verifications.filter(finished_at__isnull=True).first()
    if proof is None:
        return None
    pk = proof.pk
    _work(
        proof,
        lambda: verification.advance_verification(pk, open_gateway=open_gateway, clock=timezone.now),
        say,
    )
    return proof


def _work(work: Run | Verification, advance: Callable[[], datetime | None], say: Say) -> None:
    """Do the work in this process, waiting as it asks; where another worker has it, watch until it is over."""
    said = ""
    with hints.suppressed():
        while True:
            due = advance()
            work.refresh_from_db()
            if work.is_finished:
                return
            if work.doing != said:
                said = work.doing
                say(said)
            pause = (due - timezone.now()).total_seconds() if due else POLL_SECONDS
            time.sleep(max(0.0, min(pause, 10.0)))
