"""What is to be done about what a role may do: its inline and attached policies. Pure."""

import json
from typing import Any

from aws_setup.desired import DesiredState
from aws_setup.observed import ObservedRole
from aws_setup.plans.actions import Action, policy_text
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument, name_policy
from aws_setup.trust.equality import is_same_policy


def plan_permissions(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    """The role's policies: ours made or put right, earlier ones of ours taken away, those of others only named."""
    name = role.name if role else desired.role_name
    arn = role.arn if role else desired.role_arn
    inline = role.inline if role else {}
    attached = role.attached if role else ()
    actions: list[Action] = []
    wanted_inline, wanted_arn = desired.inline_policy, desired.attached_policy_arn
    if wanted_inline is not None and not is_same_policy(inline.get(INLINE_POLICY_NAME), wanted_inline):
        actions.append(
            Action(
                action="PutRolePolicy",
                verb="change" if INLINE_POLICY_NAME in inline else "create",
                resource=arn,
                summary=f"Allow role {name} to list and invoke Bedrock models, "
                + (
                    "beside what else it may do"
                    if desired.is_adopted or desired.accepted_policies
                    else "and nothing else"
                ),
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
        actions.append(delete_inline(name, arn, INLINE_POLICY_NAME, inline[INLINE_POLICY_NAME]))
    for policy_arn in desired.retire_policy_arns:
        if policy_arn in attached and policy_arn != wanted_arn:
            actions.append(detach(name, arn, policy_arn, attached))
    for policy_name in desired.retire_inline_names:
        if policy_name in inline and policy_name != INLINE_POLICY_NAME:
            actions.append(delete_inline(name, arn, policy_name, inline[policy_name]))
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
    accepted = dict(desired.accepted_policies)
    foreign: list[tuple[str, str, Any, bool]] = [
        *(("DetachRolePolicy", name_policy(arn), arn, arn in accepted) for arn in role.attached if arn not in ours),
        *(
            ("DeleteRolePolicy", name, held, is_accepted(name, held, accepted))
            for name, held in role.inline.items()
            if name != INLINE_POLICY_NAME and name not in desired.retire_inline_names
        ),
    ]
    return [
        Action(
            action=action,
            verb="keep",
            resource=role.arn,
            summary=f"Leave policy {name} on role {role.name}, which this console did not put there",
            why="Somebody accepted it as part of the agreement."
            if was_accepted
            else "It may grant more than was agreed. It is not touched: whoever put it there may remove it in AWS.",
            before=held,
            after=held,
        )
        for action, name, held, was_accepted in foreign
    ]


def is_accepted(name: str, document: PolicyDocument, accepted: dict[str, str]) -> bool:
    """Whether an inline policy of others is the one that somebody accepted, and not one changed since."""
    return name in accepted and is_same_policy(document, json.loads(accepted[name]))


def delete_inline(name: str, arn: str, policy_name: str, document: PolicyDocument) -> Action:
    return Action(
        action="DeleteRolePolicy",
        verb="remove",
        resource=arn,
        summary=f"Remove inline policy {policy_name} from role {name}",
        why="It is not part of what was agreed.",
        request={"RoleName": name, "PolicyName": policy_name},
        before=document,
    )


def detach(name: str, arn: str, policy_arn: str, attached: tuple[str, ...]) -> Action:
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
