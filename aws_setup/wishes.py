"""From a person's answers and what was agreed before to what AWS should hold. Nothing is read from AWS here."""

from dataclasses import replace

from aws_setup.agreements import read_agreement
from aws_setup.company_defaults import CompanyDefaults, defaults_of
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import free_role_name, is_role_name_taken
from aws_setup.models import Account, Connection, Draft, Permissions, Run, Step
from aws_setup.moves.standing import open_migration
from aws_setup.names import InvalidName, dashed, validate_role_prefix
from aws_setup.policies import full_access_policy_arn
from aws_setup.regions import validate_bedrock_region
from aws_setup.undoing import can_be_undone, find_agreed_before, made_provider, nothing_to_undo
from environments.ids import build_subject
from environments.models import Environment, Installation, Issuer


def build_desired(draft: Draft, *, account: Account) -> DesiredState:
    """What AWS should hold if these answers are agreed to. Raises Blocked where they lack something or contradict."""
    environment = draft.environment
    if environment is None:
        raise Blocked(missing_answer("an environment"))
    if not environment.is_connectable:
        raise Blocked(_not_connectable(environment))
    connection = Connection.objects.filter(environment=environment).first()
    if draft.purpose in (Draft.Purpose.CONNECT, Draft.Purpose.CHANGE):
        return _wished(draft, environment, connection, account)
    if connection is None:
        raise Blocked(missing_answer("a connection"))
    if draft.purpose == Draft.Purpose.DISCONNECT:
        return _disconnected(connection, removes_provider=bool(draft.answers.get("removes_provider")))
    if draft.purpose == Draft.Purpose.UNDO:
        return _undone(draft, connection)
    if draft.purpose == Draft.Purpose.MIGRATE:
        return _migrated(draft, environment, connection)
    if draft.purpose == Draft.Purpose.ACCEPT:
        return _agreed(connection)
    return _wished(draft, environment, connection, account)


def _wished(draft: Draft, environment: Environment, connection: Connection | None, account: Account) -> DesiredState:
    answers = draft.answers
    issuer = Issuer.objects.filter(url=answers.get("issuer_url", "")).first()
    if issuer is None:
        raise Blocked(missing_answer("an issuer"))
    if problem := _explain_moving(environment, issuer.url):
        raise Blocked(problem)
    if not answers.get("region"):
        raise Blocked(missing_answer("a region"))
    try:
        validate_bedrock_region(answers["region"], partition=account.partition)
    except InvalidName as error:
        raise Blocked(_region_elsewhere(error)) from error
    organization_id, environment_id = answers["organization_id"], answers["environment_id"]
    earlier = read_agreement(connection) if connection and connection.has_aws_resources else None
    if earlier is not None and earlier.account_id != account.account_id:
        raise Blocked(_other_account(earlier))
    role_name = answers.get("role_name") or free_role_name(draft, account=account)
    if is_role_name_taken(draft, account_id=account.account_id, role_name=role_name):
        raise Blocked(role_name_taken(role_name))
    permissions = answers.get("permissions") or Permissions.INVOKE
    defaults = defaults_of(account)
    if earlier is None or earlier.role_name.lower() != role_name.lower():
        _require_prefix(role_name, account)
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
        role_path=defaults.path,
        boundary_arn=defaults.boundary_arn,
        permissions=permissions,
        policy_arn=answers.get("policy_arn", "") if permissions == Permissions.POLICY else "",
        description=f"Lets Vertesia environment {environment_id} use Amazon Bedrock",
        tags=tuple(sorted((defaults.tags | (answers.get("tags") or {})).items())),
        max_session_seconds=defaults.max_session_seconds,
    )
    if connection is None or earlier is None:
        return desired
    own_tags = dict(answers.get("tags") or {})
    return _with_leftovers(_with_standing(desired, earlier, defaults=defaults, own_tags=own_tags), connection)


def _agreed(connection: Connection) -> DesiredState:
    """The agreement as it stands, whatever the environment's ids or the account's defaults are by now.

    What AWS holds otherwise is made part of it once AWS was looked at.
    """
    agreed = read_agreement(connection)
    if not connection.has_aws_resources or agreed.is_absent:
        raise Blocked(missing_answer("a connection"))
    return _with_leftovers(agreed, connection)


def _with_standing(
    desired: DesiredState,
    agreed: DesiredState,
    *,
    defaults: CompanyDefaults,
    own_tags: dict[str, str],
) -> DesiredState:
    """What stays as agreed before while the role is the same: whose it is, what of others was accepted in it, its path.

    The account's defaults are for new roles; only a boundary is put on those that have none. Of the company's tags a
    role keeps those that it was made with.
    """
    also_trusts = agreed.for_issuer(desired.issuer_url)
    desired = replace(desired, also_trusts=also_trusts.also_trusts if also_trusts else ())
    if desired.role_name.lower() != agreed.role_name.lower():
        return desired
    made_with = {key: value for key, value in agreed.tags if key in defaults.tags}
    return replace(
        desired,
        tags=tuple(sorted((made_with | own_tags).items())),
        role_path=agreed.role_path,
        role_id=agreed.role_id,
        is_adopted=agreed.is_adopted,
        kept_trust=agreed.kept_trust,
        boundary_arn=agreed.boundary_arn or desired.boundary_arn,
        max_session_seconds=agreed.max_session_seconds,
        accepted_policies=agreed.accepted_policies,
        own_policy=agreed.own_policy if agreed.permissions == desired.permissions else "",
    )


def _with_leftovers(desired: DesiredState, connection: Connection) -> DesiredState:
    """What earlier agreements may have left in AWS: ids in tags, roles of another name, managed policies, own tags.

    Where the last run did not end well, what it was to remove is still there, so it is taken along. Inline policies
    of others are not: a repair finds them anew.
    """
    agreed = DesiredState.from_json(connection.desired)
    ids, roles = {agreed.environment_id}, {agreed.role_name}
    policies = {agreed.attached_policy_arn} - set(dict(agreed.accepted_policies))
    if not agreed.is_adopted:
        policies.add(full_access_policy_arn(agreed.partition))
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
        retire_policy_arns=tuple(sorted(policies - {"", *dict(desired.accepted_policies)})),
        retire_inline_names=(),
        retire_tag_keys=tuple(sorted(tag_keys - set(desired.role_tags))),
    )


def _was_cut_short(connection: Connection) -> bool:
    last = connection.runs.first()
    return last is not None and last.state != Run.State.SUCCEEDED


def _disconnected(connection: Connection, *, removes_provider: bool) -> DesiredState:
    agreed = read_agreement(connection)
    if not _was_cut_short(connection):
        agreed = replace(agreed, earlier_environment_ids=(), retire_role_names=())
    return replace(
        agreed,
        is_absent=True,
        removes_provider=removes_provider,
        added_audience=_has_added_audience(agreed),
    )


def _has_added_audience(agreed: DesiredState) -> bool:
    """Whether the history says that this console put the audience on the identity provider."""
    added = Step.objects.filter(
        action__action="AddClientIDToOpenIDConnectProvider",
        action__resource=agreed.provider_arn,
        action__request__ClientID=agreed.audience,
        outcome="updated",
    )
    return added.exists()


def _undone(draft: Draft, connection: Connection) -> DesiredState:
    """What was agreed before the run that could not go on; where that was nothing, what the set-up made goes."""
    run = Run.objects.filter(pk=draft.answers.get("run"), connection=connection).select_related("plan").first()
    if run is None:
        raise Blocked(missing_answer("the run that is to be undone"))
    if not can_be_undone(run):
        raise Blocked(nothing_to_undo())
    before = find_agreed_before(run)
    if before is None:
        return _disconnected(connection, removes_provider=made_provider(connection))
    current = connection.environment.organization.issuer
    before = before.for_issuer(current.url) or before
    if problem := _explain_moving(connection.environment, before.issuer_url):
        raise Blocked(problem)
    agreed = read_agreement(connection)
    if before.role_name.lower() == agreed.role_name.lower():
        before = replace(before, role_id=connection.role_id or before.role_id)
    return _with_leftovers(before, connection)


def _require_prefix(role_name: str, account: Account) -> None:
    try:
        validate_role_prefix(role_name, prefix=account.role_prefix, account_id=account.account_id)
    except InvalidName as error:
        raise Blocked(
            Problem(
                code="role_name_without_prefix",
                sentence=str(error),
                why="It is one of the account's defaults for roles, and the worker's own rights may end there.",
                remedy="Choose another role name under Permissions → Options, or change the default under Accounts.",
            )
        ) from error


def _migrated(draft: Draft, environment: Environment, connection: Connection) -> DesiredState:
    """The agreement with `answers["trusts"]`, a list of issuer URLs, in place of those trusted so far."""
    agreed = read_agreement(connection)
    if not connection.has_aws_resources or agreed.is_absent:
        raise Blocked(missing_answer("a connection"))
    urls = list(draft.answers.get("trusts", ()))
    current = environment.organization.issuer.url
    if current not in urls:
        raise Blocked(_current_issuer_missing(current))
    audiences = dict(Issuer.objects.filter(url__in=urls).values_list("url", "audience"))
    if len(audiences) != len(urls):
        raise Blocked(missing_answer("an issuer"))
    desired = replace(
        agreed,
        issuer_url=current,
        audience=audiences[current],
        also_trusts=tuple(sorted((url, audience) for url, audience in audiences.items() if url != current)),
    )
    return _with_leftovers(desired, connection)


def _explain_moving(environment: Environment, issuer_url: str) -> Problem | None:
    """Why no other issuer than the present one can be wished for: the organization is moving, step by step."""
    organization = environment.organization
    if issuer_url == organization.issuer.url or open_migration(organization) is None:
        return None
    return Problem(
        code="organization_is_moving",
        sentence=f"{organization} is moving to another issuer, and {organization.issuer} signs its tokens now.",
        why=f"A plan for {issuer_url} alone would lock out the environments that are not there yet.",
        remedy="Finish the move, or take it back, under Issuers → Move an organization.",
    )


def _current_issuer_missing(url: str) -> Problem:
    return Problem(
        code="current_issuer_missing",
        sentence=f"The role would no longer trust {url}, which signs the organization's tokens now.",
        why="Vertesia would be locked out at once.",
        remedy="Switch the organization to the other issuer first, prove it, and then remove the old one.",
    )


def _region_elsewhere(error: InvalidName) -> Problem:
    return Problem(
        code="region_elsewhere",
        sentence=str(error),
        why="A role lends its rights only within its own partition, and not every partition has Amazon Bedrock.",
        remedy="Correct the region, or choose an account of its partition.",
    )


def role_name_taken(role_name: str) -> Problem:
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


def missing_answer(what: str) -> Problem:
    return Problem(
        code="answer_missing",
        sentence=f"This cannot be planned yet: {what} is missing.",
        remedy="Go back to the step that asks for it.",
    )
