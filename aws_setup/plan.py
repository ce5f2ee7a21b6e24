"""The difference between what is desired and what AWS holds: an ordered list of actions. Pure.

A plan is a value: it prints, hashes, stores and compares. Each action is safe to do twice.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from aws_setup.actions import Action, policy_text
from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.names import dashed
from aws_setup.observed import ObservedProvider, ObservedRole, ObservedState
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument, name_policy


def build_plan(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """What is to be done, in order, so that AWS holds what is desired. Raises Blocked where it may not be done."""
    if observed.account_id != desired.account_id:
        raise Blocked(wrong_account(desired, observed.account_id))
    if desired.is_absent:
        return [
            _keep_provider(desired, observed),
            *_retire_roles(desired, observed.retired_roles, after_proof=False),
            *_remove_role(desired, observed.role),
        ]
    return [
        *_plan_provider(desired, observed.provider),
        *_plan_role(desired, observed.role),
        *_plan_permissions(desired, observed.role),
        *_retire_roles(desired, observed.retired_roles, after_proof=True),
    ]


def wrong_account(desired: DesiredState, caller_account_id: str) -> Problem:
    return Problem(
        code="wrong_account",
        sentence=f"The worker now acts in account {dashed(caller_account_id)}, but this plan is for "
        f"{dashed(desired.account_id)}.",
        why="Nothing was written: the caller's account is compared with the plan's at every run.",
        remedy="Give the worker credentials for the planned account, or plan for the other one.",
        command="aws sts get-caller-identity",
        fix="check_caller",
    )


def _role_not_ours(role: ObservedRole, desired: DesiredState) -> Problem:
    owner = role.tags.get(INSTALLATION_TAG)
    whose = "another installation of this console" if owner else "somebody else"
    return Problem(
        code="role_not_ours",
        sentence=f"A role named {role.name} exists in {dashed(desired.account_id)} and belongs to {whose}.",
        why="It does not carry this console's ownership tag, so it is not touched. "
        "IAM compares role names regardless of case.",
        remedy="Choose another role name under Permissions → Options, or remove that role in AWS first.",
        command=f"aws iam get-role --role-name {role.name}",
        link="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        evidence={"role": role.arn},
    )


def _plan_provider(desired: DesiredState, provider: ObservedProvider | None) -> list[Action]:
    if provider is None:
        request = {
            "Url": desired.issuer_url,
            "ClientIDList": [desired.audience],
            "Tags": _tag_list(desired.provider_tags),
        }
        return [
            Action(
                action="CreateOpenIDConnectProvider",
                verb="create",
                resource=desired.provider_arn,
                summary=f"Create the identity provider for {desired.issuer_url} with audience {desired.audience}",
                why="AWS accepts tokens only of issuers registered in the account. "
                "No thumbprint is sent: IAM fills one in.",
                request=request,
                after=request,
            )
        ]
    if desired.audience not in provider.audiences:
        return [
            Action(
                action="AddClientIDToOpenIDConnectProvider",
                verb="change",
                resource=provider.arn,
                summary=f"Add audience {desired.audience} to the identity provider for {desired.issuer_url}",
                why="Vertesia's tokens for Bedrock carry this audience. "
                f"The audiences already there stay: {', '.join(provider.audiences) or 'none'}.",
                request={"OpenIDConnectProviderArn": provider.arn, "ClientID": desired.audience},
                before=list(provider.audiences),
                after=[*provider.audiences, desired.audience],
            )
        ]
    return [
        Action(
            action="CreateOpenIDConnectProvider",
            verb="keep",
            resource=provider.arn,
            summary=f"Keep the identity provider for {desired.issuer_url}",
            why=f"It exists and lists audience {desired.audience}; all environments of the account share it.",
        )
    ]


def _keep_provider(desired: DesiredState, observed: ObservedState) -> Action:
    exists = observed.provider is not None
    return Action(
        action="DeleteOpenIDConnectProvider",
        verb="keep",
        resource=desired.provider_arn,
        summary=f"Keep the identity provider for {desired.issuer_url}"
        if exists
        else f"There is no identity provider for {desired.issuer_url}",
        why="Other roles of the account may trust it; by itself it lets nobody in." if exists else "Nothing to keep.",
    )


def _plan_role(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    trust_sentence = f"only tokens with subject {desired.subject} and audience {desired.audience}"
    if role is None:
        request: dict[str, Any] = {
            "RoleName": desired.role_name,
            "Path": desired.role_path,
            "AssumeRolePolicyDocument": policy_text(desired.trust),
            "Description": desired.description,
            "Tags": _tag_list(desired.role_tags),
        }
        if desired.boundary_arn:
            request["PermissionsBoundary"] = desired.boundary_arn
        return [
            Action(
                action="CreateRole",
                verb="create",
                resource=desired.role_arn,
                summary=f"Create role {desired.role_name}, which {trust_sentence} may assume",
                why="Vertesia borrows this role for a while at a time; its ARN is the environment's API key.",
                request=request,
                after={**request, "AssumeRolePolicyDocument": desired.trust},
            )
        ]
    if not role.is_ours(desired.installation_id):
        raise Blocked(_role_not_ours(role, desired))
    if not role.is_for(desired):
        raise Blocked(_role_of_another_environment(role))
    actions = []
    if role.trust != desired.trust:
        actions.append(
            Action(
                action="UpdateAssumeRolePolicy",
                verb="change",
                resource=role.arn,
                summary=f"Change the trust of role {role.name}: {trust_sentence} may assume it",
                why="What the role trusts now is not what was agreed.",
                request={"RoleName": role.name, "PolicyDocument": policy_text(desired.trust)},
                before=role.trust,
                after=desired.trust,
            )
        )
    missing_tags = {key: value for key, value in desired.role_tags.items() if role.tags.get(key) != value}
    if missing_tags:
        actions.append(
            Action(
                action="TagRole",
                verb="change",
                resource=role.arn,
                summary=f"Set {_count_tags(missing_tags)} on role {role.name}",
                why="Tags say who made the role and for which environment; yours stand beside them.",
                request={"RoleName": role.name, "Tags": _tag_list(missing_tags)},
                before={key: role.tags[key] for key in missing_tags if key in role.tags},
                after=missing_tags,
            )
        )
    unwanted_keys = [key for key in desired.retire_tag_keys if key in role.tags and key not in desired.role_tags]
    if unwanted_keys:
        actions.append(
            Action(
                action="UntagRole",
                verb="change",
                resource=role.arn,
                summary=f"Take {_count_tags(unwanted_keys)} off role {role.name}: {', '.join(unwanted_keys)}",
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
    if not actions:
        actions.append(
            Action(
                action="CreateRole",
                verb="keep",
                resource=role.arn,
                summary=f"Keep role {role.name} and its trust",
                why=f"It exists, is ours, and {trust_sentence} may assume it.",
            )
        )
    return actions


def _role_of_another_environment(role: ObservedRole) -> Problem:
    owner = role.tags[ENVIRONMENT_TAG]
    return Problem(
        code="role_of_another_environment",
        sentence=f"Role {role.name} was made by this console for environment {owner}.",
        why="Each environment has a role of its own, so that one can be removed without the other.",
        remedy="Choose another role name under Permissions → Options.",
        evidence={"role": role.arn, "environment": owner},
    )


def _plan_permissions(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    name = role.name if role else desired.role_name
    arn = role.arn if role else desired.role_arn
    inline = role.inline if role else {}
    attached = role.attached if role else ()
    actions: list[Action] = []
    wanted_inline, wanted_arn = desired.inline_policy, desired.attached_policy_arn
    if wanted_inline is not None and inline.get(INLINE_POLICY_NAME) != wanted_inline:
        actions.append(
            Action(
                action="PutRolePolicy",
                verb="change" if INLINE_POLICY_NAME in inline else "create",
                resource=arn,
                summary=f"Allow role {name} to list and invoke Bedrock models, and nothing else",
                why="These are the calls that Vertesia's Bedrock driver makes.",
                request={
                    "RoleName": name,
                    "PolicyName": INLINE_POLICY_NAME,
                    "PolicyDocument": policy_text(wanted_inline),
                },
                before=inline.get(INLINE_POLICY_NAME),
                after=wanted_inline,
            )
        )
    if wanted_arn and wanted_arn not in attached:
        actions.append(
            Action(
                action="AttachRolePolicy",
                verb="create",
                resource=arn,
                summary=f"Attach policy {name_policy(wanted_arn)} to role {name}",
                why="It was chosen instead of the generated policy.",
                request={"RoleName": name, "PolicyArn": wanted_arn},
                before=list(attached),
                after=[*attached, wanted_arn],
            )
        )
    if wanted_inline is None and INLINE_POLICY_NAME in inline:
        actions.append(_delete_inline(name, arn, INLINE_POLICY_NAME, inline[INLINE_POLICY_NAME]))
    for policy_arn in desired.retire_policy_arns:
        if policy_arn in attached and policy_arn != wanted_arn:
            actions.append(_detach(name, arn, policy_arn, attached))
    foreign = _leave_foreign_policies(desired, role) if role else []
    if not actions:
        what = f"policy {name_policy(wanted_arn)}" if wanted_arn else "its Bedrock policy"
        actions.append(
            Action(
                action="AttachRolePolicy" if wanted_arn else "PutRolePolicy",
                verb="keep",
                resource=arn,
                summary=f"Keep {what} on role {name}",
                why="This one was agreed; what else the role holds was not." if foreign else "It is what was agreed.",
            )
        )
    return [*actions, *foreign]


def _leave_foreign_policies(desired: DesiredState, role: ObservedRole) -> list[Action]:
    """What the role holds beside what was agreed now or earlier: somebody else put it there, so it is only named."""
    ours = {desired.attached_policy_arn, *desired.retire_policy_arns}
    foreign: list[tuple[str, str, Any]] = [
        *(("DetachRolePolicy", name_policy(arn), arn) for arn in role.attached if arn not in ours),
        *(("DeleteRolePolicy", name, held) for name, held in role.inline.items() if name != INLINE_POLICY_NAME),
    ]
    return [
        Action(
            action=action,
            verb="keep",
            resource=role.arn,
            summary=f"Leave policy {name} on role {role.name}, which this console did not put there",
            why="It may grant more than was agreed. It is not touched: whoever put it there may remove it in AWS.",
            before=held,
            after=held,
        )
        for action, name, held in foreign
    ]


def _delete_inline(name: str, arn: str, policy_name: str, document: PolicyDocument) -> Action:
    return Action(
        action="DeleteRolePolicy",
        verb="remove",
        resource=arn,
        summary=f"Remove inline policy {policy_name} from role {name}",
        why="It is not part of what was agreed, and IAM deletes a role only when it holds no policy.",
        request={"RoleName": name, "PolicyName": policy_name},
        before=document,
    )


def _detach(name: str, arn: str, policy_arn: str, attached: tuple[str, ...]) -> Action:
    return Action(
        action="DetachRolePolicy",
        verb="remove",
        resource=arn,
        summary=f"Detach policy {name_policy(policy_arn)} from role {name}",
        why="The policy itself stays; only its tie to this role goes.",
        request={"RoleName": name, "PolicyArn": policy_arn},
        before=list(attached),
        after=[other for other in attached if other != policy_arn],
    )


def _remove_role(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    """Remove the agreed role. Raises Blocked where somebody else has one of this name by now."""
    if role is None:
        return [
            Action(
                action="DeleteRole",
                verb="keep",
                resource=desired.role_arn,
                summary=f"Role {desired.role_name} does not exist",
                why="Somebody removed it already.",
            )
        ]
    if not role.is_ours(desired.installation_id):
        raise Blocked(_role_not_ours(role, desired))
    if not role.is_for(desired):
        raise Blocked(_role_of_another_environment(role))
    return _delete_role(role, why="Vertesia can no longer assume it afterwards.")


def _retire_roles(desired: DesiredState, roles: tuple[ObservedRole, ...], *, after_proof: bool) -> list[Action]:
    """Remove the roles that this one replaces, as far as they still are this environment's."""
    why = "The new role is proven by then; nothing uses this one any more." if after_proof else "Nothing uses it."
    return [
        replace(action, after_proof=after_proof)
        for role in roles
        if role.is_ours(desired.installation_id) and role.is_for(desired)
        for action in _delete_role(role, why=why)
    ]


def _delete_role(role: ObservedRole, *, why: str) -> list[Action]:
    """IAM deletes a role only when it holds no policy, so those go first."""
    return [
        *(_detach(role.name, role.arn, policy_arn, role.attached) for policy_arn in role.attached),
        *(_delete_inline(role.name, role.arn, name, document) for name, document in role.inline.items()),
        Action(
            action="DeleteRole",
            verb="remove",
            resource=role.arn,
            summary=f"Delete role {role.name}",
            why=why,
            request={"RoleName": role.name},
            before={"AssumeRolePolicyDocument": role.trust, "Tags": role.tags},
        ),
    ]


def _count_tags(keys: Collection[str]) -> str:
    return f"{len(keys)} tag{'s' if len(keys) > 1 else ''}"


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
