"""What is to be done about the role of a connection: its trust, tags, boundary and session length. Pure."""

from typing import Any

from aws_setup.desired import DEFAULT_SESSION_SECONDS, ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.names import dashed
from aws_setup.observed import ObservedRole
from aws_setup.plans.actions import Action, count_tags, policy_text, tag_list
from aws_setup.trust.equality import is_same_policy, same_statement
from aws_setup.trust.statements import find_holes, statements_of

ROLE_NOT_OURS = "role_not_ours"
"""The problem that a person can lift by consenting to the role's adoption."""


def plan_role(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    """The role itself: made where there is none, otherwise brought to what is desired by the smallest change.

    Raises Blocked where it is somebody else's and nobody consented to its adoption.
    """
    if role is None:
        return [_create_role(desired)]
    require_ownership(role, desired)
    actions: list[Action] = []
    if not is_same_policy(role.trust, desired.trust):
        actions.append(_change_trust(desired, role))
    missing_tags = {key: value for key, value in desired.role_tags.items() if role.tags.get(key) != value}
    if missing_tags:
        # On a role of others the tags go first: should the run end in between, they say what else there is ours.
        actions.insert(
            0 if desired.is_adopted else len(actions),
            Action(
                action="TagRole",
                verb="change",
                resource=role.arn,
                summary=f"Set {count_tags(missing_tags)} on role {role.name}",
                why="Tags say who looks after the role and for which environment; yours stand beside them.",
                request={"RoleName": role.name, "Tags": tag_list(missing_tags)},
                before={key: role.tags[key] for key in missing_tags if key in role.tags},
                after=missing_tags,
            ),
        )
    unwanted_keys = [key for key in desired.retire_tag_keys if key in role.tags and key not in desired.role_tags]
    if unwanted_keys:
        actions.append(
            Action(
                action="UntagRole",
                verb="change",
                resource=role.arn,
                summary=f"Take {count_tags(unwanted_keys)} off role {role.name}: {', '.join(unwanted_keys)}",
                why="An earlier agreement set them and this one does not. Tags that others set stay.",
                request={"RoleName": role.name, "TagKeys": unwanted_keys},
                before={key: role.tags[key] for key in unwanted_keys},
                after={},
            )
        )
    if desired.boundary_arn and role.boundary_arn != desired.boundary_arn:
        actions.append(
            Action(
                action="PutRolePermissionsBoundary",
                verb="change",
                resource=role.arn,
                summary=f"Set the permissions boundary of role {role.name}",
                why="This installation requires the boundary on every role it writes.",
                request={"RoleName": role.name, "PermissionsBoundary": desired.boundary_arn},
                before=role.boundary_arn or None,
                after=desired.boundary_arn,
            )
        )
    if not desired.is_adopted and role.max_session_seconds != desired.max_session_seconds:
        actions.append(
            Action(
                action="UpdateRole",
                verb="change",
                resource=role.arn,
                summary=f"Set the maximum session of role {role.name} to {desired.max_session_seconds} seconds",
                why="So long may a session of this role last that somebody asks for; the account's defaults say it.",
                request={"RoleName": role.name, "MaxSessionDuration": desired.max_session_seconds},
                before=role.max_session_seconds,
                after=desired.max_session_seconds,
            )
        )
    if not actions:
        actions.append(
            Action(
                action="CreateRole",
                verb="keep",
                resource=role.arn,
                summary=f"Keep role {role.name} and its trust",
                why=f"It exists, is ours, and {_who_may_assume(desired)} may assume it.",
            )
        )
    return actions


def _who_may_assume(desired: DesiredState) -> str:
    issuers = " or ".join(f"audience {audience} of {url}" for url, audience in desired.trusted_issuers)
    of_issuers = issuers if desired.also_trusts else f"audience {desired.audience}"
    return f"only tokens with subject {desired.subject} and {of_issuers}"


def _create_role(desired: DesiredState) -> Action:
    request: dict[str, Any] = {
        "RoleName": desired.role_name,
        "Path": desired.role_path,
        "AssumeRolePolicyDocument": policy_text(desired.trust),
        "Description": desired.description,
        "Tags": tag_list(desired.role_tags),
    }
    if desired.boundary_arn:
        request["PermissionsBoundary"] = desired.boundary_arn
    if desired.max_session_seconds != DEFAULT_SESSION_SECONDS:
        request["MaxSessionDuration"] = desired.max_session_seconds
    return Action(
        action="CreateRole",
        verb="create",
        resource=desired.role_arn,
        summary=f"Create role {desired.role_name}, which {_who_may_assume(desired)} may assume",
        why="Vertesia borrows this role for a while at a time; its ARN is the environment's API key.",
        request=request,
        after={**request, "AssumeRolePolicyDocument": desired.trust},
    )


def _change_trust(desired: DesiredState, role: ObservedRole) -> Action:
    """Ours is put beside what was consented to stay; a role of our own trusts nobody else."""
    kept = len(desired.kept_statements)
    summary = f"Change the trust of role {role.name}: {_who_may_assume(desired)} may assume it"
    why = "What the role trusts now is not what was agreed."
    if desired.also_trusts:
        why = "While the organization moves from one issuer to another, tokens of both are let in."
    elif all(any(same_statement(own, held) for held in statements_of(role.trust)) for own in desired.own_statements):
        why = "The role trusts more than that now."
    if holes := _find_closed_holes(desired, role):
        why += " It closes a security hole: " + " ".join(holes)
    if kept:
        summary = f"Let {_who_may_assume(desired).removeprefix('only ')} assume role {role.name} as well"
        why = f"{kept} statement{'s' if kept > 1 else ''} of others in its trust policy stay{'' if kept > 1 else 's'}."
    return Action(
        action="UpdateAssumeRolePolicy",
        verb="change",
        resource=role.arn,
        summary=summary,
        why=why,
        request={"RoleName": role.name, "PolicyDocument": policy_text(desired.trust)},
        before=role.trust,
        after=desired.trust,
    )


def _find_closed_holes(desired: DesiredState, role: ObservedRole) -> list[str]:
    """What the trust lets in too much now and will not any more."""
    stays = statements_of(desired.trust)
    going = [one for one in statements_of(role.trust) if not any(same_statement(one, other) for other in stays)]
    return list(dict.fromkeys(hole for statement in going for hole in find_holes(statement)))


def require_ownership(role: ObservedRole, desired: DesiredState) -> None:
    """Raise Blocked unless the role is this environment's: made for it, or given into its care."""
    if role.belongs_to(desired):
        return
    if role.is_ours(desired.installation_id):
        raise Blocked(_role_of_another_environment(role))
    raise Blocked(_role_not_ours(role, desired))


def _role_not_ours(role: ObservedRole, desired: DesiredState) -> Problem:
    owner = role.tags.get(INSTALLATION_TAG)
    whose = "another installation of this console" if owner else "somebody else"
    return Problem(
        code=ROLE_NOT_OURS,
        sentence=f"A role named {role.name} exists in {dashed(desired.account_id)} and belongs to {whose}.",
        why="It does not carry this console's ownership tag, so it is not touched unless you consent to that. "
        "IAM compares role names regardless of case.",
        remedy="Compare what it holds with what is wanted and consent, or choose another role name under "
        "Permissions → Options.",
        command=f"aws iam get-role --role-name {role.name}",
        link="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        evidence={"role": role.arn},
    )


def _role_of_another_environment(role: ObservedRole) -> Problem:
    owner = role.tags[ENVIRONMENT_TAG]
    return Problem(
        code="role_of_another_environment",
        sentence=f"Role {role.name} was made by this console for environment {owner}.",
        why="Each environment has a role of its own, so that one can be removed without the other.",
        remedy="Choose another role name under Permissions → Options.",
        evidence={"role": role.arn, "environment": owner},
    )
