"""From answers to a plan that a person can agree to, and from agreement to a run. Nothing is written to AWS here."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from aws_setup import hints
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.actions import Action, fingerprint
from aws_setup.credentials import SandboxUnavailable
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import INTERNAL_ERROR, Blocked, Problem
from aws_setup.drafting import free_role_name, is_role_name_taken
from aws_setup.explaining import explain_worker_error
from aws_setup.findings import open_finding
from aws_setup.gateway.errors import AwsError
from aws_setup.interruptions import INTERRUPTIONS
from aws_setup.models import PLAN_LIFETIME, Account, Connection, Draft, Permissions, Plan, Run, Step
from aws_setup.names import InvalidName, dashed
from aws_setup.plan import build_plan
from aws_setup.policies import full_access_policy_arn
from aws_setup.refusals import explain_outdated
from aws_setup.regions import validate_bedrock_region
from aws_setup.status import lock_environment, refresh_status
from environments.history import Actor, record
from environments.ids import build_subject
from environments.models import Environment, Installation, Issuer, Organization, Status


def build_desired(draft: Draft, *, account: Account) -> DesiredState:
    """What AWS should hold if these answers are agreed to."""
    answers, environment = draft.answers, draft.environment
    if environment is None:
        raise Blocked(_missing_answer("an environment"))
    if not environment.is_connectable:
        raise Blocked(_not_connectable(environment))
    connection = Connection.objects.filter(environment=environment).first()
    if draft.purpose == Draft.Purpose.DISCONNECT:
        if connection is None:
            raise Blocked(_missing_answer("a connection"))
        return _disconnected(connection)
    issuer = Issuer.objects.filter(url=answers.get("issuer_url", "")).first()
    if issuer is None:
        raise Blocked(_missing_answer("an issuer"))
    if not answers.get("region"):
        raise Blocked(_missing_answer("a region"))
    try:
        validate_bedrock_region(answers["region"], partition=account.partition)
    except InvalidName as error:
        raise Blocked(_region_elsewhere(error)) from error
    organization_id, environment_id = answers["organization_id"], answers["environment_id"]
    earlier = DesiredState.from_json(connection.desired) if connection and connection.has_aws_resources else None
    if earlier is not None and earlier.account_id != account.account_id:
        raise Blocked(_other_account(earlier))
    role_name = answers.get("role_name") or free_role_name(draft, account_id=account.account_id)
    if is_role_name_taken(draft, account_id=account.account_id, role_name=role_name):
        raise Blocked(_role_name_taken(role_name))
    permissions = answers.get("permissions") or Permissions.INVOKE
    desired = DesiredState(
        installation_id=str(Installation.objects.get().installation_id),
        partition=account.partition,
        account_id=account.account_id,
        region=answers["region"],
        issuer_url=issuer.url,
        audience=issuer.audience,
        organization_id=organization_id,
        environment_id=environment_id,
        subject=build_subject(organization_id, environment_id),
        role_name=role_name,
        role_path=settings.ROLE_PATH,
        boundary_arn=settings.ROLE_PERMISSIONS_BOUNDARY,
        permissions=permissions,
        policy_arn=answers.get("policy_arn", "") if permissions == Permissions.POLICY else "",
        description=f"Lets Vertesia environment {environment_id} use Amazon Bedrock",
        tags=tuple(sorted((answers.get("tags") or {}).items())),
    )
    return _with_leftovers(desired, connection) if connection and connection.has_aws_resources else desired


def _with_leftovers(desired: DesiredState, connection: Connection) -> DesiredState:
    """What earlier agreements may have left in AWS: ids in tags, roles of another name, managed policies, own tags.

    Where the last run did not end well, what it was to remove is still there, so it is taken along.
    """
    agreed = DesiredState.from_json(connection.desired)
    ids, roles = {agreed.environment_id}, {agreed.role_name}
    policies = {agreed.attached_policy_arn, full_access_policy_arn(agreed.partition)}
    tag_keys = set(dict(agreed.tags))
    if _was_cut_short(connection):
        ids.update(agreed.earlier_environment_ids)
        roles.update(agreed.retire_role_names)
        policies.update(agreed.retire_policy_arns)
        tag_keys.update(agreed.retire_tag_keys)
    return replace(
        desired,
        earlier_environment_ids=tuple(sorted(ids - {desired.environment_id})),
        retire_role_names=tuple(sorted(name for name in roles if name.lower() != desired.role_name.lower())),
        retire_policy_arns=tuple(sorted(policies - {""})),
        retire_tag_keys=tuple(sorted(tag_keys - set(desired.role_tags))),
    )


def _was_cut_short(connection: Connection) -> bool:
    last = connection.runs.first()
    return last is not None and last.state != Run.State.SUCCEEDED


def _disconnected(connection: Connection) -> DesiredState:
    agreed = DesiredState.from_json(connection.desired)
    if not _was_cut_short(connection):
        agreed = replace(agreed, earlier_environment_ids=(), retire_role_names=())
    return replace(agreed, is_absent=True)


def _region_elsewhere(error: InvalidName) -> Problem:
    return Problem(
        code="region_elsewhere",
        sentence=str(error),
        why="A role lends its rights only within its own partition, and not every partition has Amazon Bedrock.",
        remedy="Correct the region, or choose an account of its partition.",
    )


def _role_name_taken(role_name: str) -> Problem:
    return Problem(
        code="role_name_taken",
        sentence=f"Another environment here has the role name {role_name} in this account.",
        why="IAM compares role names regardless of case, and each environment has a role of its own.",
        remedy="Choose another role name under Permissions → Options.",
    )


def _other_account(earlier: DesiredState) -> Problem:
    return Problem(
        code="connected_elsewhere",
        sentence=f"This environment is connected in account {dashed(earlier.account_id)}.",
        why="One environment has one role, and moving it between accounts would leave the old one behind.",
        remedy="Disconnect it there first, then connect it in the other account.",
        evidence={"role": earlier.role_arn},
    )


def _not_connectable(environment: Environment) -> Problem:
    provider = environment.get_provider_display()
    return Problem(
        code="not_connectable",
        sentence=f"{environment.name} is an environment of {provider}, which is not reached through an AWS role.",
        why="Only environments with provider bedrock take a role ARN as API key and a region as Endpoint URL.",
        remedy="Choose an environment with provider bedrock, or create one in Vertesia Studio.",
    )


def _missing_answer(what: str) -> Problem:
    return Problem(
        code="answer_missing",
        sentence=f"This cannot be planned yet: {what} is missing.",
        remedy="Go back to the step that asks for it.",
    )


def make_plan(draft_pk: int, *, open_gateway: OpenGateway, now: datetime) -> Plan | None:
    """Look at AWS and store the plan of a draft that waits for one; None where nothing waits or nothing can be planned.

    Reads only. Needs the reading actions of policies.provisioning_policy. May run twice: the second finds the draft
    planned already.
    """
    draft = (
        Draft.objects.filter(pk=draft_pk, state=Draft.State.PLANNING)
        .select_related("environment__organization__issuer")
        .first()
    )
    if draft is None:
        return None
    try:
        account = _find_account(draft)
        desired = build_desired(draft, account=account)
        actions = build_plan(desired, open_gateway(account).observe(desired))
    except Blocked as error:
        _block(draft, error.problem)
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


def _find_account(draft: Draft) -> Account:
    account = Account.objects.filter(account_id=draft.answers.get("account_id", "")).first()
    if account is None:
        raise Blocked(_missing_answer("an AWS account"))
    return account


def _caller_arn(draft: Draft) -> str:
    account = Account.objects.filter(account_id=draft.answers.get("account_id", "")).first()
    return account.caller_arn if account else ""


def _answer(draft: Draft, state: Draft.State, problem: Problem | None = None) -> bool:
    """Answer the request for a plan; False where the answers were edited, or a plan asked for anew, meanwhile."""
    asked = Draft.objects.filter(
        pk=draft.pk, state=Draft.State.PLANNING, planning_requested_at=draft.planning_requested_at
    )
    return asked.update(state=state, problem=problem.to_json() if problem else None) == 1


def _block(draft: Draft, problem: Problem) -> None:
    _answer(draft, Draft.State.BLOCKED, problem)


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


@transaction.atomic
def approve_plan(plan: Plan, *, fingerprint: str, actor: Actor, now: datetime) -> Run | None:
    """Agree to this very plan and start its run, in one transaction.

    None where the fingerprint is another, the plan ran out, was approved before or is overtaken by a later agreement,
    a run of the environment is live, or a name or id in it was taken meanwhile (the draft then holds the Problem):
    nothing has been agreed to.
    """
    lock_environment(plan.environment)
    if Run.objects.filter(connection__environment=plan.environment, finished_at__isnull=True).exists():
        return None
    if problem := _explain_taken(plan):
        Draft.objects.filter(pk=plan.draft_id).update(state=Draft.State.BLOCKED, problem=problem.to_json())
        return None
    if not plan.approve(fingerprint=fingerprint, actor=actor, now=now):
        return None
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


def _explain_taken(plan: Plan) -> Problem | None:
    """Why this plan can no longer be agreed to: another environment took the role name or the id meanwhile."""
    desired = DesiredState.from_json(plan.desired)
    if desired.is_absent:
        return None
    if is_role_name_taken(plan.draft, account_id=desired.account_id, role_name=desired.role_name):
        return _role_name_taken(desired.role_name)
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
    return [connection for connection in connected if connection.desired["issuer_url"] != issuer_url]


def _name_left_behind(
    organization: Organization, issuer: Issuer, environment: Environment, *, actor: Actor, now: datetime
) -> None:
    """The issuer belongs to the organization: siblings whose roles trust the earlier one need a plan of their own."""
    for connection in list_left_behind(organization, issuer_url=issuer.url, environment=environment):
        sibling = connection.environment
        open_finding(
            connection,
            explain_outdated(
                DesiredState.from_json(connection.desired), subject=sibling.subject, issuer_url=issuer.url
            ),
            now=now,
            actor=actor,
        )
        refresh_status(sibling, now=now)
