"""What is to be done so that a role is no longer this environment's. Pure.

A role that this console made is deleted; one that was given into its care is given back as it would stand without it.
"""

from dataclasses import replace

from aws_setup.desired import ADOPTED_TAG, ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.observed import ObservedRole
from aws_setup.plans.actions import Action, policy_text, writes
from aws_setup.plans.permissions import delete_inline, detach
from aws_setup.plans.roles import require_ownership
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument
from aws_setup.trust.equality import is_same_policy, same_statement
from aws_setup.trust.own_statements import is_of_environment, is_own_statement
from aws_setup.trust.statements import statements_of

NOBODY: PolicyDocument = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
"""IAM takes no trust policy without a statement: this one lets nobody in."""


def remove_role(desired: DesiredState, role: ObservedRole | None) -> list[Action]:
    """Remove the agreed role, or give it back; one that somebody else made in its place by now is left alone.

    Raises Blocked where that one lets this environment in: then it is not known to be gone.
    """
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
    if desired.is_adopted or role.is_adopted:
        actions = _give_back(role, desired, desired.attached_policy_arn)
        if writes(actions):
            require_ownership(role, desired)
        return actions
    if not role.belongs_to(desired) and not _has_anything_of_ours(role, desired):
        return [_left_alone(role)]
    require_ownership(role, desired)
    return _delete_role(role, why="Vertesia can no longer assume it afterwards.")


def retire_roles(desired: DesiredState, roles: tuple[ObservedRole, ...], *, after_proof: bool) -> list[Action]:
    """Remove the roles that this one replaces, as far as they still are this environment's."""
    why = "The new role is proven by then; nothing uses this one any more." if after_proof else "Nothing uses it."
    return [
        replace(action, after_proof=after_proof)
        for role in roles
        if is_retired(role, desired)
        for action in (
            _give_back(role, _as_retired(desired), *desired.retire_policy_arns)
            if role.is_adopted
            else _delete_role(role, why=why)
        )
    ]


def is_retired(role: ObservedRole, desired: DesiredState) -> bool:
    """Whether a role that this one replaces still is this environment's."""
    return role.is_ours(desired.installation_id) and role.is_for(desired)


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
    """The trust policy without our statements; where nothing is left, one that lets nobody in.

    What its maker had there and was agreed to stay, stays.
    """
    left = [statement for statement in statements_of(trust) if not _is_ours(statement, desired)]
    return {**trust, "Statement": left or [NOBODY]}


def _is_ours(statement: PolicyDocument, desired: DesiredState) -> bool:
    if any(same_statement(statement, kept) for kept in desired.kept_statements):
        return False
    return is_own_statement(statement, desired) or is_of_environment(statement, desired)


def _as_retired(desired: DesiredState) -> DesiredState:
    """For a role that this one replaces: what was agreed of this one's trust and policies says nothing of that one's.

    Which policies of ours may hang on it, `retire_policy_arns` says.
    """
    return replace(desired, kept_trust="", accepted_policies=())


def _has_anything_of_ours(role: ObservedRole, desired: DesiredState) -> bool:
    has_statement = any(_is_ours(statement, desired) for statement in statements_of(role.trust))
    has_inline = INLINE_POLICY_NAME in role.inline
    return has_statement or has_inline or bool(_own_attached(role, desired, desired.attached_policy_arn))


def _own_attached(role: ObservedRole, desired: DesiredState, *arns: str) -> list[str]:
    """Those of `arns` that hang on the role and that its maker did not put there."""
    accepted = dict(desired.accepted_policies)
    return [arn for arn in arns if arn in role.attached and arn not in accepted]


def _left_alone(role: ObservedRole) -> Action:
    return Action(
        action="DeleteRole",
        verb="keep",
        resource=role.arn,
        summary=f"Leave role {role.name}, which somebody else made",
        why="Ours is gone: this one carries no tag of this console and does not let the environment in.",
    )


def _given_back(role: ObservedRole) -> Action:
    return Action(
        action="UpdateAssumeRolePolicy",
        verb="keep",
        resource=role.arn,
        summary=f"Role {role.name} holds nothing of this console's",
        why="It was given into this console's care and has been given back.",
    )


def _give_back(role: ObservedRole, desired: DesiredState, *own_policies: str) -> list[Action]:
    """Take out our statement, our policies and our tags; the role and everything of others in it stay.

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
    if INLINE_POLICY_NAME in role.inline:
        actions.append(delete_inline(role.name, role.arn, INLINE_POLICY_NAME, role.inline[INLINE_POLICY_NAME]))
    for policy_arn in _own_attached(role, desired, *own_policies):
        actions.append(detach(role.name, role.arn, policy_arn, role.attached))
    own_tags = [key for key, value in desired.tags if role.tags.get(key) == value]
    keys = [key for key in (*own_tags, ADOPTED_TAG, ENVIRONMENT_TAG, INSTALLATION_TAG) if key in role.tags]
    if keys:
        actions.append(
            Action(
                action="UntagRole",
                verb="remove",
                resource=role.arn,
                summary=f"Take this console's tags off role {role.name}",
                why="They said that it was in this console's care; tags of others stay.",
                request={"RoleName": role.name, "TagKeys": keys},
                before={key: role.tags[key] for key in keys},
                after={},
            )
        )
    return actions or [_given_back(role)]
