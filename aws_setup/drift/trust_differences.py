"""In what a role's trust policy differs from the agreed one, statement by statement. Pure."""

from collections.abc import Iterator

from aws_setup.desired import DesiredState
from aws_setup.drift.differences import Difference
from aws_setup.observed import ObservedRole
from aws_setup.policies import PolicyDocument
from aws_setup.trust.equality import is_same_policy, same_statement
from aws_setup.trust.own_statements import is_own_statement, is_rewritten
from aws_setup.trust.statements import describe_statement, federated, find_holes, statements_of


def find_trust_differences(desired: DesiredState, role: ObservedRole) -> Iterator[Difference]:
    """What is missing in it, what is in it beside, and where our own statement asks for something else."""
    if is_same_policy(role.trust, desired.trust):
        return
    field = f"Role {role.name} → trust policy"
    held, agreed = statements_of(role.trust), statements_of(desired.trust)
    missing = [one for one in agreed if not any(same_statement(one, other) for other in held)]
    added = [one for one in held if not any(same_statement(one, other) for other in agreed)]
    for statement in missing:
        successor = _find_successor(statement, added, desired)
        if successor is not None:
            added.remove(successor)
            yield _rewritten(field, statement, successor)
        else:
            yield _missing(field, statement, is_ours=is_own_statement(statement, desired))
    for statement in added:
        yield _added(field, statement, is_ours=is_rewritten(statement, desired))
    if len(missing) == len(added) == 0 and role.trust.get("Version") != desired.trust["Version"]:
        yield Difference(
            "trust_version_changed",
            f"{field} → Version",
            "The policy language's version was changed; old versions read variables as plain text.",
            "differs",
            expected=desired.trust["Version"],
            actual=role.trust.get("Version"),
        )


def _find_successor(
    statement: PolicyDocument, added: list[PolicyDocument], desired: DesiredState
) -> PolicyDocument | None:
    """Our statement as somebody rewrote it: still for exactly our subject, and otherwise not what was agreed."""
    if not is_own_statement(statement, desired):
        return None
    same_provider = [one for one in added if federated(one) == federated(statement)]
    return next((one for one in same_provider if is_rewritten(one, desired)), None)


def _rewritten(field: str, statement: PolicyDocument, successor: PolicyDocument) -> Difference:
    holes = " ".join(find_holes(successor))
    return Difference(
        "trust_widened" if holes else "trust_changed",
        field,
        f"The statement that lets Vertesia in checks less than was agreed. {holes}"
        if holes
        else "The statement that lets Vertesia in asks for something else than was agreed: its token may be refused.",
        "widens" if holes else "breaks",
        expected=statement,
        actual=successor,
    )


def _missing(field: str, statement: PolicyDocument, *, is_ours: bool) -> Difference:
    return Difference(
        "trust_changed" if is_ours else "trust_of_others_changed",
        field,
        "The statement that lets Vertesia in is gone or was changed: its token may be refused."
        if is_ours
        else f"A statement that was agreed to stay is gone or was changed: {_lower(describe_statement(statement))}.",
        "breaks" if is_ours else "differs",
        expected=statement,
        can_accept=not is_ours,
    )


def _added(field: str, statement: PolicyDocument, *, is_ours: bool) -> Difference:
    allows = statement.get("Effect") == "Allow"
    holes = " ".join(find_holes(statement))
    return Difference(
        "trust_widened" if allows else "trust_denies",
        field,
        f"{describe_statement(statement)}, which was not agreed. {holes}".strip(),
        "widens" if allows else "breaks",
        actual=statement,
        can_accept=not is_ours,
    )


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
