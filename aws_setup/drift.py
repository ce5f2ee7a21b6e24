"""What AWS holds otherwise than agreed, field by field, each with its meaning. Pure.

Unlike a plan, which says what this console would do, this also names what it would not touch: a policy that somebody
attached, a boundary, a longer session.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from aws_setup.adoption import find_foreign_policies
from aws_setup.canonical import canonical
from aws_setup.desired import DesiredState
from aws_setup.names import build_provider_arn, strip_scheme
from aws_setup.observed import ObservedRole, ObservedState
from aws_setup.own_statements import is_own_statement
from aws_setup.permission_actions import is_accepted
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument, name_policy
from aws_setup.policy_equality import is_same_policy, same_statement
from aws_setup.statements import describe_statement, find_holes, statements_of


@dataclass(frozen=True)
class Difference:
    """One field in which AWS differs. `expected` and `actual` are JSON values; None is: not there.

    `severity`: breaks (Vertesia can no longer use the role), widens (somebody or something more is let in or allowed)
    or differs. `can_accept`: it can be made part of the agreement, as it is in AWS.
    """

    kind: str
    field: str
    meaning: str
    severity: str
    expected: Any = None
    actual: Any = None
    can_accept: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


def find_differences(desired: DesiredState, observed: ObservedState) -> list[Difference]:
    """Every difference between the agreement and the account, worst first."""
    found = [*_providers(desired, observed), *_role(desired, observed.role)]
    order = ("breaks", "widens", "differs")
    return sorted(found, key=lambda difference: order.index(difference.severity))


def _providers(desired: DesiredState, observed: ObservedState) -> Iterator[Difference]:
    for issuer_url, audience in desired.trusted_issuers:
        arn = build_provider_arn(partition=desired.partition, account_id=desired.account_id, issuer_url=issuer_url)
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


def _role(desired: DesiredState, role: ObservedRole | None) -> Iterator[Difference]:
    if role is None:
        yield Difference(
            "role_deleted",
            f"Role {desired.role_name}",
            "Somebody deleted the role. Vertesia cannot assume it.",
            "breaks",
            expected=desired.role_arn,
        )
        return
    name = f"Role {role.name}"
    if desired.role_id and role.role_id and role.role_id != desired.role_id:
        yield Difference(
            "role_recreated",
            f"{name} → unique id",
            "The role was deleted and made anew under the same name. Whatever referred to the old one no longer does; "
            "who made this one is not known.",
            "differs",
            expected=desired.role_id,
            actual=role.role_id,
            can_accept=role.belongs_to(desired),
        )
    yield from _trust(desired, role, name)
    yield from _policies(desired, role, name)
    if role.boundary_arn != desired.boundary_arn:
        yield _boundary(desired, role, name)
    if role.max_session_seconds != desired.max_session_seconds:
        yield Difference(
            "session_length_changed",
            f"{name} → maximum session",
            "A session of this role may last "
            + ("longer" if role.max_session_seconds > desired.max_session_seconds else "less long")
            + " than agreed. Vertesia's own sessions are as long as it asks for.",
            "widens" if role.max_session_seconds > desired.max_session_seconds else "differs",
            expected=desired.max_session_seconds,
            actual=role.max_session_seconds,
            can_accept=True,
        )
    yield from _tags(desired, role, name)


def _trust(desired: DesiredState, role: ObservedRole, name: str) -> Iterator[Difference]:
    if is_same_policy(role.trust, desired.trust):
        return
    held, agreed = statements_of(role.trust), statements_of(desired.trust)
    missing = [one for one in agreed if not any(same_statement(one, other) for other in held)]
    added = [one for one in held if not any(same_statement(one, other) for other in agreed)]
    for statement in missing:
        is_ours = is_own_statement(statement, desired)
        yield Difference(
            "trust_changed" if is_ours else "trust_of_others_changed",
            f"{name} → trust policy",
            "The statement that lets Vertesia in is gone or was changed: its token may be refused."
            if is_ours
            else "A statement that was agreed to stay is gone or was changed.",
            "breaks" if is_ours else "differs",
            expected=statement,
            can_accept=not is_ours,
        )
    for statement in added:
        allows = statement.get("Effect") == "Allow"
        holes = " ".join(find_holes(statement))
        yield Difference(
            "trust_widened" if allows else "trust_denies",
            f"{name} → trust policy",
            f"{describe_statement(statement)}, which was not agreed. {holes}".strip(),
            "widens" if allows else "breaks",
            actual=statement,
            can_accept=not is_own_statement(statement, desired),
        )
    if not missing and not added:
        yield Difference(
            "trust_version_changed",
            f"{name} → trust policy → Version",
            "The policy language's version was changed; old versions read variables as plain text.",
            "differs",
            expected=desired.trust["Version"],
            actual=role.trust.get("Version"),
        )


def _policies(desired: DesiredState, role: ObservedRole, name: str) -> Iterator[Difference]:
    wanted, held = desired.inline_policy, role.inline.get(INLINE_POLICY_NAME)
    if wanted is not None and not is_same_policy(held, wanted):
        yield Difference(
            "policy_changed" if held else "policy_detached",
            f"{name} → policy {INLINE_POLICY_NAME}",
            "What the role may do in Bedrock is not what was agreed: models may be missing, or more be allowed."
            if held
            else "The role may no longer list or invoke models: Vertesia finds none.",
            "differs" if held else "breaks",
            expected=wanted,
            actual=held,
            can_accept=held is not None,
        )
    if desired.attached_policy_arn and desired.attached_policy_arn not in role.attached:
        yield Difference(
            "policy_detached",
            f"{name} → attached policies",
            f"{name_policy(desired.attached_policy_arn)} is no longer attached: the role may not do what was agreed.",
            "breaks",
            expected=desired.attached_policy_arn,
            actual=list(role.attached),
        )
    yield from _policies_of_others(desired, role, name)


def _policies_of_others(desired: DesiredState, role: ObservedRole, name: str) -> Iterator[Difference]:
    accepted = dict(desired.accepted_policies)
    for arn in role.attached:
        if arn not in accepted and arn != desired.attached_policy_arn:
            yield Difference(
                "policy_added",
                f"{name} → attached policies",
                f"Somebody attached {name_policy(arn)}: whoever assumes the role, Vertesia included, may do that too.",
                "widens",
                actual=arn,
                can_accept=True,
            )
    for policy_name, document in role.inline.items():
        is_own_name = policy_name == INLINE_POLICY_NAME
        if is_own_name and desired.inline_policy is not None:
            continue
        if not is_accepted(policy_name, document, accepted):
            yield Difference(
                "policy_added",
                f"{name} → policy {policy_name}",
                "Somebody put this policy on the role or changed it: whoever assumes the role may do that too.",
                "widens",
                actual=document,
                can_accept=not is_own_name,
            )
    gone = [key for key in accepted if key not in role.attached and key not in role.inline]
    for key in gone:
        yield Difference(
            "accepted_policy_gone",
            f"{name} → policies",
            f"{name_policy(key) if key.startswith('arn:') else key}, which somebody accepted, is gone.",
            "differs",
            expected=key,
            can_accept=True,
        )


def _boundary(desired: DesiredState, role: ObservedRole, name: str) -> Difference:
    kind = "boundary_changed" if role.boundary_arn and desired.boundary_arn else ""
    kind = kind or ("boundary_added" if role.boundary_arn else "boundary_removed")
    return Difference(
        kind,
        f"{name} → permissions boundary",
        "The role may now do at most what this boundary allows; where it leaves Bedrock out, Vertesia finds no models."
        if role.boundary_arn
        else "The permissions boundary that was agreed is gone: nothing bounds the role but its own policies.",
        "differs" if role.boundary_arn else "widens",
        expected=desired.boundary_arn or None,
        actual=role.boundary_arn or None,
        can_accept=bool(role.boundary_arn),
    )


def _tags(desired: DesiredState, role: ObservedRole, name: str) -> Iterator[Difference]:
    for key, value in desired.role_tags.items():
        if role.tags.get(key) == value:
            continue
        is_own = key not in dict(desired.tags)
        yield Difference(
            "tags_changed",
            f"{name} → tag {key}",
            "By this tag the console knows the role as its own."
            if is_own
            else "A tag that was agreed is gone or has another value.",
            "differs",
            expected=value,
            actual=role.tags.get(key),
            can_accept=not is_own,
        )


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


def repair_differences(desired: DesiredState, observed: ObservedState) -> DesiredState:
    """The agreement, and that policies which somebody put on a role of ours go again; an adopted role keeps its own.

    A boundary that somebody set is never taken off from here, because it bounds what the role may do.
    """
    role = observed.role
    if role is None or desired.is_adopted or role.is_adopted:
        return desired
    accepted = dict(desired.accepted_policies)
    arns = {arn for arn in role.attached if arn not in accepted and arn != desired.attached_policy_arn}
    names = {
        name
        for name, document in role.inline.items()
        if name != INLINE_POLICY_NAME and not is_accepted(name, document, accepted)
    }
    return replace(
        desired,
        retire_policy_arns=tuple(sorted({*desired.retire_policy_arns, *arns})),
        retire_inline_names=tuple(sorted({*desired.retire_inline_names, *names})),
    )


def _kept_trust(desired: DesiredState, role: ObservedRole) -> str:
    others = [statement for statement in statements_of(role.trust) if not is_own_statement(statement, desired)]
    return canonical({**role.trust, "Statement": others}) if others else ""


def _own_policy(desired: DesiredState, held: PolicyDocument) -> str:
    if desired.permissions != "invoke":
        return desired.own_policy
    generated = replace(desired, own_policy="").inline_policy
    return "" if is_same_policy(held, generated) else canonical(held)
