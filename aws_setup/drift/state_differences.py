"""What AWS holds otherwise than agreed, field by field, each with its meaning. Pure.

Unlike a plan, which says what this console would do, this also names what it would not touch: a policy that somebody
attached, a boundary, a longer session.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from aws_setup.desired import DesiredState
from aws_setup.drift.differences import SEVERITIES, Difference
from aws_setup.drift.trust_differences import find_trust_differences
from aws_setup.names import strip_scheme
from aws_setup.observed import ObservedRole, ObservedState
from aws_setup.plans.permissions import is_accepted
from aws_setup.policies import INLINE_POLICY_NAME, name_policy
from aws_setup.trust.equality import allows_more, is_same_policy


def find_differences(desired: DesiredState, observed: ObservedState) -> list[Difference]:
    """Every difference between the agreement and the account, worst first."""
    found = [*_providers(desired, observed), *_role(desired, observed.role)]
    return sorted(found, key=lambda difference: SEVERITIES.index(difference.severity))


def _providers(desired: DesiredState, observed: ObservedState) -> Iterator[Difference]:
    for issuer_url, audience in desired.trusted_issuers:
        arn = desired.provider_arn_of(issuer_url)
        field = f"Identity provider {strip_scheme(issuer_url)}"
        provider = observed.find_provider(arn)
        if provider is None:
            yield Difference(
                "provider_deleted",
                field,
                f"Somebody deleted it. AWS accepts no token of {issuer_url} in this account any more, for any role.",
                "breaks",
                expected=arn,
            )
        elif audience not in provider.audiences:
            yield Difference(
                "audience_removed",
                f"{field} → audiences",
                f"Audience {audience} is no longer on the list, so STS refuses every token that carries it.",
                "breaks",
                expected=audience,
                actual=list(provider.audiences),
            )


def _role(desired: DesiredState, role: ObservedRole | None) -> list[Difference]:
    if role is None:
        return [
            Difference(
                "role_deleted",
                f"Role {desired.role_name}",
                "Somebody deleted the role. Vertesia cannot assume it.",
                "breaks",
                expected=desired.role_arn,
            )
        ]
    found = [
        *_identity(desired, role),
        *find_trust_differences(desired, role),
        *_policies(desired, role),
        *_boundary(desired, role),
        *_session_length(desired, role),
        *_tags(desired, role),
    ]
    if role.belongs_to(desired):
        return found
    todo = (
        f"Nothing shows that {role.name} is still this environment's role. The plan says whether it can be taken into "
        "this console's care, and asks you first."
    )
    return [replace(difference, can_accept=False, can_repair=True, todo=todo) for difference in found]


def _identity(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    if not desired.role_id or not role.role_id or role.role_id == desired.role_id:
        return
    has_moved = role.arn != desired.role_arn
    yield Difference(
        "role_recreated",
        f"Role {role.name} → unique id",
        "The role was deleted and made anew under the same name. Whatever referred to the old one no longer does; "
        "who made this one is not known."
        + (f" Its ARN is another one by now, {role.arn}, and Vertesia has the old one." if has_moved else ""),
        "breaks" if has_moved else "differs",
        expected=desired.role_id,
        actual=role.role_id,
        can_accept=True,
    )


def _policies(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    wanted, held = desired.inline_policy, role.inline.get(INLINE_POLICY_NAME)
    if wanted is not None and not is_same_policy(held, wanted):
        field = f"Role {role.name} → policy {INLINE_POLICY_NAME}"
        if held is None:
            yield Difference(
                "policy_detached",
                field,
                "The role may no longer list or invoke models: Vertesia finds none.",
                "breaks",
                expected=wanted,
            )
        else:
            is_more = allows_more(held, wanted)
            yield Difference(
                "policy_changed",
                field,
                "It allows more than was agreed: whoever assumes the role, Vertesia included, may do that too."
                if is_more
                else "It allows less than was agreed: Vertesia may find fewer models, or none.",
                "widens" if is_more else "differs",
                expected=wanted,
                actual=held,
                can_accept=True,
            )
    if desired.attached_policy_arn and desired.attached_policy_arn not in role.attached:
        yield Difference(
            "policy_detached",
            f"Role {role.name} → attached policies",
            f"{name_policy(desired.attached_policy_arn)} is no longer attached: the role may not do what was agreed.",
            "breaks",
            expected=desired.attached_policy_arn,
            actual=list(role.attached),
        )
    yield from _policies_added(desired, role)
    yield from _accepted_policies(desired, role)


def _policies_added(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    accepted = dict(desired.accepted_policies)
    is_theirs = desired.is_adopted or role.is_adopted
    todo = "The role is somebody else's: accept the policy, or let them take it off." if is_theirs else ""
    for arn in role.attached:
        if arn not in accepted and arn != desired.attached_policy_arn:
            yield Difference(
                "policy_added",
                f"Role {role.name} → attached policies",
                f"Somebody attached {name_policy(arn)}: whoever assumes the role, Vertesia included, may do that too.",
                "widens",
                actual=arn,
                can_accept=True,
                can_repair=not is_theirs,
                todo=todo,
            )
    for policy_name, document in role.inline.items():
        is_ours = policy_name == INLINE_POLICY_NAME
        if policy_name in accepted or (is_ours and desired.inline_policy is not None):
            continue
        yield Difference(
            "policy_added",
            f"Role {role.name} → policy {policy_name}",
            "Somebody put this policy on the role: whoever assumes the role, Vertesia included, may do that too.",
            "widens",
            actual=document,
            can_accept=not is_ours,
            can_repair=is_ours or not is_theirs,
            todo="" if is_ours else todo,
        )


def _accepted_policies(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    accepted = dict(desired.accepted_policies)
    for key, text in accepted.items():
        if key in role.inline and not is_accepted(key, role.inline[key], accepted):
            yield Difference(
                "accepted_policy_changed",
                f"Role {role.name} → policy {key}",
                "Somebody accepted this policy as it was; by now it says something else.",
                "widens" if allows_more(role.inline[key], json.loads(text)) else "differs",
                expected=json.loads(text),
                actual=role.inline[key],
                can_accept=True,
                can_repair=False,
                todo="It is not this console's policy: accept it as it is now, or let whoever made it put it back.",
            )
        elif key not in role.inline and key not in role.attached:
            yield Difference(
                "accepted_policy_gone",
                f"Role {role.name} → policy {name_policy(key) if key.startswith('arn:') else key}",
                "Somebody accepted this policy of others, and it is no longer on the role.",
                "differs",
                expected=json.loads(text) if text else key,
                can_accept=True,
                can_repair=False,
                todo="It is not this console's policy: accept that it is gone, or let whoever made it put it back.",
            )


def _boundary(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    if role.boundary_arn == desired.boundary_arn:
        return
    kind = "boundary_changed" if desired.boundary_arn else "boundary_added"
    yield Difference(
        kind if role.boundary_arn else "boundary_removed",
        f"Role {role.name} → permissions boundary",
        "The role may now do at most what this boundary allows; where it leaves Bedrock out, Vertesia finds no models."
        if role.boundary_arn
        else "The permissions boundary that was agreed is gone: nothing bounds the role but its own policies.",
        "differs" if role.boundary_arn else "widens",
        expected=desired.boundary_arn or None,
        actual=role.boundary_arn or None,
        can_accept=bool(role.boundary_arn),
        can_repair=bool(desired.boundary_arn),
        todo=""
        if desired.boundary_arn
        else "This console never takes a boundary off a role: accept it, or let an administrator remove it "
        f"(aws iam delete-role-permissions-boundary --role-name {role.name}).",
    )


def _session_length(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    if role.max_session_seconds == desired.max_session_seconds:
        return
    is_longer = role.max_session_seconds > desired.max_session_seconds
    yield Difference(
        "session_length_changed",
        f"Role {role.name} → maximum session",
        f"A session of this role may last {'longer' if is_longer else 'less long'} than agreed. Vertesia's own "
        "sessions are as long as it asks for.",
        "widens" if is_longer else "differs",
        expected=desired.max_session_seconds,
        actual=role.max_session_seconds,
        can_accept=True,
        can_repair=not desired.is_adopted,
        todo="The role is somebody else's: accept it, or let them set it back." if desired.is_adopted else "",
    )


def _tags(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    for key, value in desired.role_tags.items():
        if role.tags.get(key) == value:
            continue
        is_own = key not in dict(desired.tags)
        yield Difference(
            "tags_changed",
            f"Role {role.name} → tag {key}",
            "By this tag the console knows the role as its own."
            if is_own
            else "A tag that was agreed is gone or has another value.",
            "differs",
            expected=value,
            actual=role.tags.get(key),
            can_accept=not is_own,
        )
