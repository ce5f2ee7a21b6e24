"""What is to be done so that a role is no longer this environment's. Pure.

A role that this console made is deleted; one that was given into its care is given back as it would stand without it.
"""

from dataclasses import replace

from aws_setup.actions import Action, policy_text, writes
from aws_setup.desired import ADOPTED_TAG, ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.observed import ObservedRole
from aws_setup.own_statements import is_own_statement
from aws_setup.permission_actions import delete_inline, detach
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument
from aws_setup.policy_equality import is_same_policy
from aws_setup.role_actions import require_ownership
from aws_setup.statements import statements_of

NOBODY: PolicyDocument = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
"""IAM takes no trust policy without a statement: this one lets nobody in."""


def remove_role(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    """Remove the agreed role, or give it back. Raises Blocked where somebody else has one of this name by now."""
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
    if not (desired.is_adopted or role.is_adopted):
        require_ownership(role, desired)
        return _delete_role(role, why="Vertesia can no longer assume it afterwards.")
    actions = _give_back(role, desired)
    if writes(actions):
        require_ownership(role, desired)
    return actions


def retire_roles(desired: DesiredState, roles: tuple[ObservedRole, ...], *, after_proof: bool) -> list[Action]:
    """Remove the roles that this one replaces, as far as they still are this environment's."""
    why = "The new role is proven by then; nothing uses this one any more." if after_proof else "Nothing uses it."
    return [
        replace(action, after_proof=after_proof)
        for role in roles
        if role.is_ours(desired.installation_id) and role.is_for(desired)
        for action in (_give_back(role, desired) if role.is_adopted else _delete_role(role, why=why))
    ]


def _delete_role(role: ObservedRole, *, why: str) -> list[Action]:
    """IAM deletes a role only when it holds no policy, so those go first."""
    return [
        *(detach(role.name, role.arn, policy_arn, role.attached) for policy_arn in role.attached),
        *(delete_inline(role.name, role.arn, name, document) for name, document in role.inline.items()),
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


def without_ours(trust: PolicyDocument, desired: DesiredState) -> PolicyDocument:
    """The trust policy without our statements; where nothing is left, one that lets nobody in."""
    left = [statement for statement in statements_of(trust) if not is_own_statement(statement, desired)]
    return {**trust, "Statement": left or [NOBODY]}


def _given_back(role: ObservedRole) -> Action:
    return Action(
        action="UpdateAssumeRolePolicy",
        verb="keep",
        resource=role.arn,
        summary=f"Role {role.name} holds nothing of this console's",
        why="It was given into this console's care and has been given back.",
    )


def _give_back(role: ObservedRole, desired: DesiredState) -> list[Action]:
    """Take out our statement, our policy and our tags; the role and everything of others in it stay.

    The trust goes first: from then on Vertesia is not let in. The tags go last: they say that the rest may be done.
    """
    actions = []
    trust = without_ours(role.trust, desired)
    if not is_same_policy(role.trust, trust):
        actions.append(
            Action(
                action="UpdateAssumeRolePolicy",
                verb="change",
                resource=role.arn,
                summary=f"Take our statement out of the trust of role {role.name}",
                why="Vertesia can no longer assume it afterwards. The role itself is somebody else's and stays, with "
                "every other statement.",
                request={"RoleName": role.name, "PolicyDocument": policy_text(trust)},
                before=role.trust,
                after=trust,
            )
        )
    if INLINE_POLICY_NAME in role.inline and desired.inline_policy is not None:
        actions.append(delete_inline(role.name, role.arn, INLINE_POLICY_NAME, role.inline[INLINE_POLICY_NAME]))
    if desired.attached_policy_arn and desired.attached_policy_arn in role.attached:
        actions.append(detach(role.name, role.arn, desired.attached_policy_arn, role.attached))
    keys = [key for key in (ADOPTED_TAG, ENVIRONMENT_TAG, INSTALLATION_TAG) if key in role.tags]
    if keys:
        actions.append(
            Action(
                action="UntagRole",
                verb="remove",
                resource=role.arn,
                summary=f"Take this console's tags off role {role.name}",
                why="They said that it was in this console's care.",
                request={"RoleName": role.name, "TagKeys": keys},
                before={key: role.tags[key] for key in keys},
                after={},
            )
        )
    return actions or [_given_back(role)]
