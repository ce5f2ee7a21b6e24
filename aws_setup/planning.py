"""From answers to a plan that a person can agree to. AWS is read here and never written."""

from datetime import datetime, timedelta

from django.db import transaction

from aws_setup.account_quotas import note_quotas
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.agreements import read_agreement
from aws_setup.credentials import SandboxUnavailable
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import INTERNAL_ERROR, Blocked, Problem
from aws_setup.drift.acceptance import accept_differences, repair_differences
from aws_setup.explaining import explain_worker_error
from aws_setup.gateway.errors import AwsBusy, AwsError
from aws_setup.interruptions import INTERRUPTIONS
from aws_setup.models import PLAN_LIFETIME, Account, Connection, Draft, Plan
from aws_setup.observed import ObservedRole, ObservedState
from aws_setup.plans.actions import Action, fingerprint
from aws_setup.plans.plan import build_plan
from aws_setup.plans.roles import ROLE_NOT_OURS
from aws_setup.status import refresh_status
from aws_setup.trust.adoption import adopt, keep_theirs, why_not_adoptable, without_adoption
from aws_setup.wishes import build_desired, missing_answer
from environments.history import Actor, record

PATIENCE = timedelta(minutes=1)
"""How long a plan is asked for anew where AWS is busy; the draft waits for it meanwhile."""


def make_plan(draft_pk: int, *, open_gateway: OpenGateway, now: datetime) -> Plan | None:
    """Look at AWS and store the plan of a draft that waits for one; None where nothing waits or nothing can be planned.

    Where AWS is busy the draft goes on waiting, for a minute at most. Reads only. Needs the reading actions of
    policies.provisioning_policy. May run twice: the second finds the draft planned already.
    """
    draft = (
        Draft.objects.filter(pk=draft_pk, state=Draft.State.PLANNING)
        .select_related("environment__organization__issuer")
        .first()
    )
    if draft is None:
        return None
    found: tuple[ObservedRole, DesiredState] | None = None
    try:
        account = _find_account(draft)
        desired = build_desired(draft, account=account)
        observed = open_gateway(account).observe(desired, with_quotas=not desired.is_absent)
        note_quotas(account, observed.quotas, now=now)
        if observed.role is not None and not desired.is_absent:
            found = (observed.role, desired)
        desired = _settle(draft, desired, observed)
        actions = build_plan(desired, observed)
    except Blocked as error:
        _block(draft, error.problem, found=found if error.problem.code == ROLE_NOT_OURS else None)
    except AwsBusy as error:  # asked again until it answers, or for long enough
        if draft.planning_requested_at is None or now - draft.planning_requested_at > PATIENCE:
            _block(draft, explain_worker_error(error, caller_arn=_caller_arn(draft)))
    except AwsError as error:
        _block(draft, explain_worker_error(error, caller_arn=_caller_arn(draft)))
    except SandboxUnavailable as error:
        _block(draft, explain_caller_failure(error))
    except INTERRUPTIONS:  # the next sweep plans it
        raise
    except Exception:
        _block(draft, INTERNAL_ERROR)
        raise
    else:
        return _store_plan(draft, account, desired, actions, now=now)
    return None


def _settle(draft: Draft, desired: DesiredState, observed: ObservedState) -> DesiredState:
    """What is desired, now that AWS was looked at: a consent to adopt, a repair and an acceptance depend on it."""
    role = observed.role
    if desired.is_absent:
        return desired
    if role is None:
        return without_adoption(desired) if desired.is_adopted else desired
    if role.needs_consent(desired):
        is_consented = draft.answers.get("adopts", "") == role.digest
        return adopt(desired, role) if is_consented and not why_not_adoptable(desired, role) else desired
    if draft.purpose == Draft.Purpose.ACCEPT:
        return accept_differences(desired, observed)
    if draft.purpose == Draft.Purpose.REPAIR:
        return repair_differences(desired, observed)
    agreed = Connection.objects.filter(environment=draft.environment).first() if desired.is_adopted else None
    return keep_theirs(desired, role, agreed=read_agreement(agreed)) if agreed else desired


def _find_account(draft: Draft) -> Account:
    account = Account.objects.filter(account_id=draft.answers.get("account_id", "")).first()
    if account is None:
        raise Blocked(missing_answer("an AWS account"))
    return account


def _caller_arn(draft: Draft) -> str:
    account = Account.objects.filter(account_id=draft.answers.get("account_id", "")).first()
    return account.caller_arn if account else ""


def _answer(draft: Draft, state: Draft.State, problem: Problem | None = None, found: object = None) -> bool:
    """Answer the request for a plan; False where the answers were edited, or a plan asked for anew, meanwhile."""
    asked = Draft.objects.filter(
        pk=draft.pk, state=Draft.State.PLANNING, planning_requested_at=draft.planning_requested_at
    )
    return asked.update(state=state, problem=problem.to_json() if problem else None, found=found) == 1


def _block(draft: Draft, problem: Problem, *, found: tuple[ObservedRole, DesiredState] | None = None) -> None:
    adoption = {"role": found[0].to_json(), "desired": found[1].to_json()} if found else None
    _answer(draft, Draft.State.BLOCKED, problem, adoption)


@transaction.atomic
def _store_plan(
    draft: Draft, account: Account, desired: DesiredState, actions: list[Action], *, now: datetime
) -> Plan | None:
    if not _answer(draft, Draft.State.PLANNED):
        return None
    assert draft.environment is not None  # noqa: S101  build_desired refused a draft without one
    plan = Plan.objects.create(
        draft=draft,
        environment=draft.environment,
        account=account,
        fingerprint=fingerprint(desired, actions),
        desired=desired.to_json(),
        actions=[action.to_json() for action in actions],
        asked_by=draft.actor,
        created_at=now,
        expires_at=now + PLAN_LIFETIME,
    )
    refresh_status(draft.environment, now=now)
    record(
        "plan.made",
        f"Planned {draft.purpose}: {sum(action.verb != 'keep' for action in actions)} changes in {account.dashed_id}.",
        actor=Actor(draft.actor),
        environment=draft.environment,
        data={"fingerprint": plan.fingerprint},
    )
    return plan
