"""Taking a role into care that somebody else made: what it would become, and what is wrong with what it is. Pure.

Nothing of theirs is taken away without being shown: their statements stay in the trust policy, but for one that lets in
exactly our tokens and checks less of them than ours does, which ours replaces.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from aws_setup.canonical import canonical
from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.observed import ObservedRole
from aws_setup.plans.actions import policy_text
from aws_setup.policies import INLINE_POLICY_NAME, PolicyDocument
from aws_setup.trust.equality import same_statement
from aws_setup.trust.own_statements import is_of_environment, is_own_statement
from aws_setup.trust.statements import describe_statement, find_holes, statements_of

_AWS_PATHS = (":role/aws-reserved/", ":role/aws-service-role/")


@dataclass(frozen=True)
class FoundStatement:
    """A statement of their trust policy: what it does, what becomes of it, and where it lets in too much."""

    statement: PolicyDocument
    sentence: str
    becomes: str
    """keeps, or replaced: ours takes its place."""
    holes: list[str]


@dataclass(frozen=True)
class Adoption:
    """The three-way view: the role as it is, what is wanted, and what it would be."""

    role: ObservedRole
    statements: list[FoundStatement]
    theirs: dict[str, Any]
    ours: dict[str, Any]
    result: dict[str, Any]
    why_not: str = ""
    """Why it cannot be adopted; empty where it can."""

    @property
    def is_of_another_installation(self) -> bool:
        """Whether its tags name a console, this one or another; without them its maker is not known."""
        return INSTALLATION_TAG in self.role.tags

    @property
    def was_in_care(self) -> bool:
        """Whether its tags name this very console, which knows no agreement on it any more."""
        return bool(self.role.tags.get(INSTALLATION_TAG) == self.ours["Tags"][INSTALLATION_TAG])

    @property
    def holes(self) -> list[str]:
        """What remains too open afterwards: holes of the statements that stay."""
        return [hole for found in self.statements if found.becomes == "keeps" for hole in found.holes]


def adopt(desired: DesiredState, role: ObservedRole) -> DesiredState:
    """The desired state with this role in it as its maker left it, and ours beside that.

    A policy that they attached stays theirs where ours is the same one, and so does a tag of the same key: nothing is
    written over, and nothing of theirs goes when the role is given back.
    """
    kept = [statement for statement in statements_of(role.trust) if not is_own_statement(statement, desired)]
    theirs = _policies(role, attached=role.attached)
    their_keys = {key.lower() for key in role.tags}
    return replace(
        desired,
        role_name=role.name,
        role_path=role.arn.split(":role", 1)[1].rsplit("/", 1)[0] + "/",
        role_id=role.role_id,
        is_adopted=True,
        kept_trust=policy_text({**role.trust, "Statement": kept}) if kept else "",
        max_session_seconds=role.max_session_seconds,
        boundary_arn=role.boundary_arn or desired.boundary_arn,
        accepted_policies=theirs,
        tags=tuple((key, value) for key, value in desired.tags if key.lower() not in their_keys),
        retire_role_names=tuple(name for name in desired.retire_role_names if name.lower() != role.name.lower()),
        retire_policy_arns=tuple(arn for arn in desired.retire_policy_arns if arn not in dict(theirs)),
        retire_inline_names=tuple(name for name in desired.retire_inline_names if name not in dict(theirs)),
        retire_tag_keys=tuple(key for key in desired.retire_tag_keys if key.lower() not in their_keys),
    )


def keep_theirs(desired: DesiredState, role: ObservedRole, *, agreed: DesiredState) -> DesiredState:
    """The desired state with their statements as they stand now: what others do in their own role is not undone.

    `agreed` tells which statements are ours from before, where issuer or ids change.
    """
    kept = [statement for statement in statements_of(role.trust) if not _is_ours(statement, desired, agreed)]
    return replace(desired, kept_trust=policy_text({**role.trust, "Statement": kept}) if kept else "")


def _is_ours(statement: PolicyDocument, desired: DesiredState, agreed: DesiredState) -> bool:
    if any(same_statement(statement, kept) for kept in agreed.kept_statements):
        return False
    if any(same_statement(statement, own) for own in agreed.own_statements):
        return True
    return is_own_statement(statement, desired) or is_of_environment(statement, desired)


def without_adoption(desired: DesiredState) -> DesiredState:
    """The desired state where the adopted role is gone: a role of this console's own takes its place, with nothing of
    theirs in it."""
    return replace(desired, role_id="", is_adopted=False, kept_trust="", accepted_policies=())


def find_foreign_policies(role: ObservedRole, desired: DesiredState) -> tuple[tuple[str, str], ...]:
    """Policies on the role that are not this agreement's, as `DesiredState.accepted_policies` holds them."""
    accepted = dict(desired.accepted_policies)
    attached = [arn for arn in role.attached if arn != desired.attached_policy_arn or arn in accepted]
    return _policies(role, attached=attached)


def _policies(role: ObservedRole, *, attached: Iterable[str]) -> tuple[tuple[str, str], ...]:
    inline = [(name, canonical(held)) for name, held in role.inline.items() if name != INLINE_POLICY_NAME]
    return tuple(sorted([*((arn, "") for arn in attached), *inline]))


def review_adoption(desired: DesiredState, role: ObservedRole) -> Adoption:
    """What a person sees before they consent."""
    result = adopt(desired, role)
    statements = [
        FoundStatement(
            statement=statement,
            sentence=describe_statement(statement),
            becomes="replaced" if is_own_statement(statement, desired) else "keeps",
            holes=find_holes(statement),
        )
        for statement in statements_of(role.trust)
    ]
    own_policy = {INLINE_POLICY_NAME: desired.inline_policy} if desired.inline_policy else {}
    own_attached = [desired.attached_policy_arn] if desired.attached_policy_arn else []
    return Adoption(
        role=role,
        statements=statements,
        theirs=_side(role.trust, role.tags, role.inline, list(role.attached), role.boundary_arn),
        ours=_side(
            {"Version": desired.trust["Version"], "Statement": desired.own_statements},
            desired.role_tags,
            own_policy,
            own_attached,
            desired.boundary_arn,
        ),
        result=_side(
            result.trust,
            role.tags | result.role_tags,
            {name: held for name, held in role.inline.items() if name != INLINE_POLICY_NAME} | own_policy,
            list(dict.fromkeys([*role.attached, *own_attached])),
            result.boundary_arn,
        ),
        why_not=why_not_adoptable(desired, role),
    )


def why_not_adoptable(desired: DesiredState, role: ObservedRole) -> str:
    """Why consent would not be enough; empty where it is."""
    if any(path in role.arn for path in _AWS_PATHS):
        return "It belongs to AWS itself, which alone may change it."
    owner = role.tags.get(INSTALLATION_TAG)
    if owner and role.tags.get(ENVIRONMENT_TAG) not in desired.environment_ids:
        return "Another installation of this console looks after it for another environment; two would undo each other."
    return ""


def find_kept_holes(desired: DesiredState) -> list[str]:
    """Where the statements of others that were agreed to stay let in too much."""
    return [hole for statement in desired.kept_statements for hole in find_holes(statement)]


def _side(
    trust: PolicyDocument, tags: dict[str, str], inline: dict[str, PolicyDocument], attached: list[str], boundary: str
) -> dict[str, Any]:
    return {
        "Trust policy": trust,
        "Inline policies": inline,
        "Attached policies": attached,
        "Permissions boundary": boundary,
        "Tags": tags,
    }
