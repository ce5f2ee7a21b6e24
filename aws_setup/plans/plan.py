"""The difference between what is desired and what AWS holds: an ordered list of actions. Pure.

A plan is a value: it prints, hashes, stores and compares. Each action is safe to do twice.
"""

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.names import dashed
from aws_setup.observed import ObservedState
from aws_setup.plans.actions import Action, writes
from aws_setup.plans.permissions import plan_permissions
from aws_setup.plans.providers import plan_provider_removal, plan_providers
from aws_setup.plans.quotas import require_room_for_role, require_room_for_trust
from aws_setup.plans.removals import remove_role, retire_roles
from aws_setup.plans.roles import plan_role
from aws_setup.policies import PolicyDocument
from aws_setup.trust.statements import trusts_provider


def build_plan(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """What is to be done, in order, so that AWS holds what is desired. Raises Blocked where it may not be done."""
    if observed.account_id != desired.account_id:
        raise Blocked(wrong_account(desired, observed.account_id))
    if desired.is_absent:
        removal = [
            *retire_roles(desired, observed.retired_roles, after_proof=False),
            *remove_role(desired, observed.role),
        ]
        return [*removal, plan_provider_removal(desired, observed, trusting=_trusting_afterwards(observed, removal))]
    if observed.role is None:
        require_room_for_role(observed.quotas, account_id=desired.account_id)
    require_room_for_trust(observed.quotas, desired.trust, role_name=desired.role_name)
    return [
        *plan_providers(desired, observed),
        *plan_role(desired, observed.role),
        *plan_permissions(desired, observed.role),
        *retire_roles(desired, observed.retired_roles, after_proof=True),
    ]


def _trusting_afterwards(observed: ObservedState, removal: list[Action]) -> tuple[str, ...] | None:
    """The account's roles that still trust the provider once this removal is done; None where that may not be read."""
    if observed.trusting_roles is None:
        return None
    released = {
        action.resource
        for action in writes(removal)
        if action.action == "DeleteRole"
        or (action.action == "UpdateAssumeRolePolicy" and not _still_trusts(action.after, observed))
    }
    return tuple(arn for arn in observed.trusting_roles if arn not in released)


def _still_trusts(trust: PolicyDocument, observed: ObservedState) -> bool:
    return observed.provider is not None and trusts_provider(trust, observed.provider.arn)


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
