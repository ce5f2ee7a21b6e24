"""The two answers to what AWS holds otherwise than agreed: agree to it, or put back what was agreed. Pure."""

from dataclasses import replace

from aws_setup.canonical import canonical
from aws_setup.desired import DesiredState
from aws_setup.drift.differences import Difference
from aws_setup.drift.state_differences import find_differences
from aws_setup.observed import ObservedProvider, ObservedRole, ObservedState
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument
from aws_setup.trust.adoption import find_foreign_policies
from aws_setup.trust.equality import is_same_policy
from aws_setup.trust.own_statements import is_rewritten
from aws_setup.trust.statements import statements_of


def accept_differences(desired: DesiredState, observed: ObservedState) -> DesiredState:
    """The agreement as it would be if what can be accepted were meant: the rest stays to be repaired."""
    role = observed.role
    if role is None:
        return desired
    accepted = find_foreign_policies(role, desired)
    names = [name for name, _ in accepted]
    held = role.inline.get(INLINE_POLICY_NAME)
    return replace(
        desired,
        kept_trust=_kept_trust(desired, role),
        own_policy=_own_policy(desired, held) if held is not None else desired.own_policy,
        accepted_policies=accepted,
        retire_policy_arns=tuple(arn for arn in desired.retire_policy_arns if arn not in names),
        retire_inline_names=tuple(name for name in desired.retire_inline_names if name not in names),
        boundary_arn=role.boundary_arn or desired.boundary_arn,
        max_session_seconds=role.max_session_seconds,
        tags=tuple((key, role.tags[key]) for key, _ in desired.tags if key in role.tags),
        role_id=role.role_id if role.belongs_to(desired) else desired.role_id,
    )


def find_accepted(agreed: DesiredState, accepted: DesiredState) -> list[Difference]:
    """What the second agreement takes over from AWS, field by field: where AWS would differ from the first one if it
    held exactly the second.
    """
    return find_differences(agreed, _imagine(accepted))


def repair_differences(desired: DesiredState, observed: ObservedState) -> DesiredState:
    """The agreement, and that policies which somebody put on a role of ours go again; an adopted role keeps its own.

    A boundary that somebody set is never taken off from here, because it bounds what the role may do. Policies of
    others that were accepted stay, whatever became of them: they are not this console's.
    """
    role = observed.role
    if role is None or desired.is_adopted or role.is_adopted:
        return desired
    accepted = dict(desired.accepted_policies)
    arns = {arn for arn in role.attached if arn not in accepted and arn != desired.attached_policy_arn}
    names = {name for name in role.inline if name != INLINE_POLICY_NAME and name not in accepted}
    return replace(
        desired,
        retire_policy_arns=tuple(sorted({*desired.retire_policy_arns, *arns})),
        retire_inline_names=tuple(sorted({*desired.retire_inline_names, *names})),
    )


def _kept_trust(desired: DesiredState, role: ObservedRole) -> str:
    others = [statement for statement in statements_of(role.trust) if not is_rewritten(statement, desired)]
    return canonical({**role.trust, "Statement": others}) if others else ""


def _own_policy(desired: DesiredState, held: PolicyDocument) -> str:
    if desired.permissions != "invoke":
        return desired.own_policy
    generated = replace(desired, own_policy="").inline_policy
    return "" if is_same_policy(held, generated) else canonical(held)


def _imagine(desired: DesiredState) -> ObservedState:
    """An account that holds exactly what is desired."""
    own = {INLINE_POLICY_NAME: desired.inline_policy} if desired.inline_policy else {}
    own_arns = [desired.attached_policy_arn] if desired.attached_policy_arn else []
    role = ObservedRole(
        arn=desired.role_arn,
        trust=desired.trust,
        tags=desired.role_tags,
        boundary_arn=desired.boundary_arn,
        inline=own | desired.accepted_inline,
        attached=(*own_arns, *(name for name, document in desired.accepted_policies if not document)),
        role_id=desired.role_id,
        max_session_seconds=desired.max_session_seconds,
    )
    providers: dict[str, ObservedProvider] = {
        desired.provider_arn_of(url): ObservedProvider(arn=desired.provider_arn_of(url), audiences=(audience,))
        for url, audience in desired.trusted_issuers
    }
    return ObservedState(
        account_id=desired.account_id,
        provider=providers[desired.provider_arn],
        role=role,
        other_providers=providers,
    )
