"""From a plan that a person agrees to, to a run. Nothing is written to AWS here."""

from datetime import datetime
from typing import Any

from django.db import transaction

from aws_setup import hints
from aws_setup.agreement_changes import compare_agreements
from aws_setup.agreements import read_agreement
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.exchange import explain_outdated
from aws_setup.drafting import is_role_name_taken
from aws_setup.findings import open_finding
from aws_setup.models import Connection, Draft, Plan, Run, Step
from aws_setup.moves.guard import require_current_issuer
from aws_setup.status import lock_environment, refresh_status
from aws_setup.wishes import role_name_taken
from environments.history import Actor, record
from environments.models import Environment, Issuer, Organization, Status


def approve_plan(plan: Plan, *, fingerprint: str, actor: Actor, now: datetime) -> Run:
    """Agree to this very plan and start its run, in one transaction.

    Raises Blocked, and nothing has been agreed to, where the fingerprint is another, the plan ran out, was approved
    before or is overtaken by a later agreement, a run of the environment is live, a name or id in it was taken
    meanwhile, or it goes against its organization's move to another issuer.
    """
    try:
        with transaction.atomic():
            return _approve(plan, fingerprint=fingerprint, actor=actor, now=now)
    except Blocked as refusal:
        if refusal.problem.code in ("role_name_taken", "environment_id_taken"):
            Draft.objects.filter(pk=plan.draft_id).update(
                state=Draft.State.BLOCKED, problem=refusal.problem.to_json(), found=None
            )
        raise


def _approve(plan: Plan, *, fingerprint: str, actor: Actor, now: datetime) -> Run:
    lock_environment(plan.environment)
    live = Run.objects.filter(connection__environment=plan.environment, finished_at__isnull=True)
    if run := live.select_related("plan").first():
        raise Blocked(_run_is_live(run, plan))
    if problem := _explain_taken(plan):
        raise Blocked(problem)
    require_current_issuer(plan)
    if not plan.approve(fingerprint=fingerprint, actor=actor, now=now):
        raise Blocked(_explain_refusal(plan, fingerprint=fingerprint, now=now))
    plan.refresh_from_db()
    connection = _agree(plan, actor=actor, now=now)
    run = Run.objects.create(
        plan=plan, connection=connection, actor=actor, doing="Waiting for a worker", next_attempt_at=now
    )
    Step.objects.bulk_create(
        Step(run=run, position=position, action=action, after_proof=action["after_proof"])
        for position, action in enumerate(plan.actions)
    )
    record(
        "plan.approved",
        f"Approved plan {plan.fingerprint[:12]} for {plan.account.dashed_id}.",
        actor=actor,
        environment=plan.environment,
        data={"fingerprint": plan.fingerprint},
    )
    refresh_status(plan.environment, now=now)
    hints.send(hints.ADVANCE_RUN, run.pk)
    return run


def _differences(approved: Plan, plan: Plan) -> dict[str, str]:
    """What the approved plan agreed on and this one asks for otherwise."""
    changes = compare_agreements(DesiredState.from_json(approved.desired), DesiredState.from_json(plan.desired))
    return {
        change.what: f"{change.before or 'none'} was approved, this plan: {change.after or 'none'}"
        for change in changes
    }


def _run_is_live(run: Run, plan: Plan) -> Problem:
    differences = _differences(run.plan, plan) if run.plan_id != plan.pk else {}
    return Problem(
        code="run_is_live",
        sentence=f"{run.plan.approved_by} approved another plan for this environment a moment ago, and it is being "
        "carried out."
        if run.plan_id != plan.pk
        else "This plan was approved already and is being carried out.",
        why="Nothing of this plan was written. " + _say_differences(differences),
        remedy="Wait for that run to finish; then make a new plan, which starts from what it leaves.",
        evidence=differences,
    )


def _explain_refusal(plan: Plan, *, fingerprint: str, now: datetime) -> Problem:
    """Why the conditional UPDATE found nothing to approve."""
    plan.refresh_from_db()
    if plan.approved_at is not None:
        return Problem(
            code="approved_before",
            sentence=f"{plan.approved_by} approved this plan before, and an approval is used once.",
            why="Nothing was written by this click.",
            remedy="Make a new plan where something is still to be done.",
        )
    if plan.expires_at <= now:
        return Problem(
            code="plan_ran_out",
            sentence="This plan ran out before it was approved.",
            why="A plan counts for a day: AWS may hold something else by now. Nothing was written.",
            remedy="Make a new one.",
        )
    later = (
        Plan.objects.filter(environment=plan.environment, approved_at__gte=plan.created_at)
        .order_by("-approved_at")
        .first()
    )
    if plan.fingerprint == fingerprint and later is not None:
        differences = _differences(later, plan)
        return Problem(
            code="plan_overtaken",
            sentence=f"{later.approved_by} approved another plan for this environment after this one was made.",
            why="Nothing of this plan was written. " + _say_differences(differences),
            remedy="Make a new plan: it starts from what was agreed by then.",
            evidence=differences,
        )
    if Connection.objects.filter(environment=plan.environment_id, agreed_at__gt=plan.created_at).exists():
        return Problem(
            code="issuer_switched",
            sentence="The organization was switched to another issuer after this plan was made.",
            why="Nothing of this plan was written.",
            remedy="Make a new plan: it starts from the issuer that signs now.",
        )
    return Problem(
        code="plan_is_another",
        sentence="The plan is no longer the one you saw.",
        why="Nothing was written.",
        remedy="Look at it again.",
    )


def _say_differences(differences: dict[str, str]) -> str:
    if not differences:
        return "Both ask for the same."
    return "They differ in: " + "; ".join(f"{what} ({words})" for what, words in differences.items()) + "."


def _explain_taken(plan: Plan) -> Problem | None:
    """Why this plan can no longer be agreed to: another environment took the role name or the id meanwhile."""
    desired = DesiredState.from_json(plan.desired)
    if desired.is_absent:
        return None
    if is_role_name_taken(plan.draft, account_id=desired.account_id, role_name=desired.role_name):
        return role_name_taken(desired.role_name)
    others = Environment.objects.exclude(pk=plan.environment_id)
    if other := others.filter(environment_id=desired.environment_id).first():
        return Problem(
            code="environment_id_taken",
            sentence=f"Environment id {desired.environment_id} now belongs to {other.name}.",
            why="One environment has one id, and one role trusts it.",
            remedy="Compare the id with Vertesia Studio and plan again.",
        )
    return None


def _agree(plan: Plan, *, actor: Actor, now: datetime) -> Connection:
    """Write down what was agreed: the connection, and the environment's own ids and region where they change."""
    desired = DesiredState.from_json(plan.desired)
    environment = plan.environment
    existing = Connection.objects.filter(environment=environment).first()
    if existing is None or existing.desired != plan.desired:
        _take_over_ids(environment, desired, actor=actor, now=now)
    agreed: dict[str, Any] = {
        "account": plan.account,
        "region": desired.region,
        "role_name": desired.role_name,
        "desired": plan.desired,
        "agreed_at": now,
    }
    connection, _ = Connection.objects.update_or_create(environment=environment, defaults=agreed)
    return connection


def _take_over_ids(environment: Environment, desired: DesiredState, *, actor: Actor, now: datetime) -> None:
    """An old proof says nothing about a new agreement, so it goes; the history keeps it."""
    if desired.is_absent:
        return
    organization = environment.organization
    issuer = Issuer.objects.get(url=desired.issuer_url)
    if organization.organization_id != desired.organization_id:
        organization, _ = Organization.objects.get_or_create(
            organization_id=desired.organization_id, defaults={"name": organization.name, "issuer": issuer}
        )
    if organization.issuer_id != issuer.pk:
        Organization.objects.filter(pk=organization.pk).update(issuer=issuer)
        _name_left_behind(organization, issuer, environment, actor=actor, now=now)
    environment.set_status(
        Status.SETTING_UP,
        organization=organization,
        environment_id=desired.environment_id,
        endpoint_url=desired.region,
        verified_at=None,
        confirmed_at=None,
        confirmed_by="",
    )
    environment.refresh_from_db()


def list_left_behind(organization: Organization, *, issuer_url: str, environment: Environment) -> list[Connection]:
    """The organization's other connections whose roles trust another issuer than this one."""
    others = Connection.objects.filter(environment__organization=organization).exclude(environment=environment)
    connected = others.exclude(role_arn="").select_related("environment__organization__issuer", "account")
    return [connection for connection in connected if read_agreement(connection).for_issuer(issuer_url) is None]


def _name_left_behind(
    organization: Organization, issuer: Issuer, environment: Environment, *, actor: Actor, now: datetime
) -> None:
    """The issuer belongs to the organization: siblings whose roles trust the earlier one need a plan of their own."""
    for connection in list_left_behind(organization, issuer_url=issuer.url, environment=environment):
        sibling = connection.environment
        open_finding(
            connection,
            explain_outdated(read_agreement(connection), subject=sibling.subject, issuer_url=issuer.url),
            now=now,
            actor=actor,
        )
        refresh_status(sibling, now=now)
