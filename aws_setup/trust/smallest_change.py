"""The smallest change of a trust policy after which it lets one token in, and nobody else whom it kept out. Pure."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from aws_setup.policies import VERSION, PolicyDocument
from aws_setup.trust.conditions import Condition, has_variables
from aws_setup.trust.evaluation import Evaluation, Row, StatementVerdict, Verdict, evaluate_trust, is_meant_for
from aws_setup.trust.mistakes import find_meant_key, is_met_but_for_the_key
from aws_setup.trust.statement_edits import (
    is_added,
    is_pinned,
    is_session_name,
    leave_out,
    make_fit,
    missing_checks,
    own_statement,
    wanted_value,
)
from aws_setup.trust.statements import statements_of
from aws_setup.trust.token_request import TokenRequest

WHAT = (
    "deny",
    "statement",
    "provider",
    "provider_account",
    "provider_partition",
    "action",
    "subject",
    "subject_case",
    "audience",
    "audience_case",
    "condition_key",
    "session_name",
    "condition",
)
"""What may differ. `deny`: a Deny applies. `statement`: no Allow is meant for our token. `condition_key`: subject or
audience are checked under a key that the token does not have. `condition`: any other check that it does not pass."""


@dataclass(frozen=True)
class Difference:
    """One thing that keeps the token out, and what would let it in."""

    what: str
    """One of `WHAT`."""
    sentence: str
    expected: str
    """What our token needs to find."""
    actual: str
    """What the policy says."""


@dataclass(frozen=True)
class SmallestChange:
    """What must be otherwise for the token to get in: all of it, where several things must."""

    differences: tuple[Difference, ...]
    changed: PolicyDocument
    """The whole trust policy as it would be."""
    besides: str = ""
    """What the changed policy has besides, in a sentence: a further check, so that no other token gets in, or a
    statement of our own; and who is named in it now and would not get in any more."""

    @property
    def what(self) -> str:
        return self.differences[0].what

    @property
    def expected(self) -> str:
        return self.differences[0].expected

    @property
    def actual(self) -> str:
        return self.differences[0].actual

    @property
    def sentence(self) -> str:
        return " ".join([*(difference.sentence for difference in self.differences), self.besides]).strip()


def find_smallest_change(trust: Any, request: TokenRequest) -> SmallestChange | None:
    """What to change in a trust policy that refuses the token.

    None where it does not refuse it, or that cannot be known from here, and for a token without subject or audience.
    Whatever is changed lets in exactly this subject with exactly this audience: nothing is widened to a pattern, and a
    statement that would let in more once it fits stays as it is, and ours takes its place beside it. Where a statement
    hangs on something that cannot be known from here, it still does after the change.
    """
    evaluation = evaluate_trust(trust, request)
    if evaluation.verdict is not Verdict.REFUSED or not (request.subject and request.audience):
        return None
    document = deepcopy(trust) if isinstance(trust, dict) else {"Version": VERSION}
    document = document | {"Statement": statements_of(document)}
    missing, besides = _let_in(document, evaluation)
    denials = _exempt_from_denials(document, evaluation)
    if kept_out := _find_kept_out(trust, document, evaluation):
        others = ", ".join(kept_out)
        besides = f"{besides} That keeps out {others}, let in now: let both in where that is to stay.".strip()
    return SmallestChange((*denials, *missing), document, besides)


def _find_kept_out(trust: Any, changed: PolicyDocument, evaluation: Evaluation) -> list[str]:
    """The other subjects that the policy names and lets in, and would not any more."""
    request, ours = evaluation.request, f"{evaluation.request.issuer}:sub".lower()
    rows = [row for one in evaluation.statements for row in one.rows if request.claim_of(row.key) == "sub"]
    named = [text for row in rows for text in row.expected if text.strip().lower() != request.subject.lower()]
    found = []
    for subject in dict.fromkeys(named):
        keys = tuple((key, (subject,) if key == ours else values) for key, values in request.keys)
        other = replace(request, keys=keys)
        if not set("*?") & set(subject) and evaluate_trust(trust, other).verdict is Verdict.ACCEPTED:
            found += [subject] if evaluate_trust(changed, other).verdict is not Verdict.ACCEPTED else []
    return found


def _let_in(document: PolicyDocument, evaluation: Evaluation) -> tuple[list[Difference], str]:
    """Make the nearest Allow fit, in place; ours is added where none can be made to fit."""
    request, nearest = evaluation.request, evaluation.nearest
    if nearest is not None and nearest.applies is not False:
        return [], ""
    ours = own_statement(request, variables=has_variables(document))
    if nearest is None or not is_meant_for(nearest, request):
        document["Statement"].append(ours)
        wanted = f"a statement that lets in {request.subject} with audience {request.audience}"
        return [Difference("statement", f"Add {wanted} of {request.provider_arn}.", wanted, "none")], ""
    differences = [_describe(row, nearest, request) for row in nearest.failing]
    edited = make_fit(nearest, request)
    if edited is None:
        document["Statement"].append(ours)
        # Made to fit, it would let in others too, or keep out somebody whom it names beside us.
        asks = f"Statement {nearest.number} asks for"
        return [
            replace(one, sentence=f"{asks} {row.compared} “{', '.join(row.expected) or 'nothing'}”.")
            for one, row in zip(differences, nearest.failing, strict=True)
        ], f"Leave it and add a statement for {request.subject} with audience {request.audience} beside it."
    document["Statement"][nearest.number - 1] = edited
    meant = {find_meant_key(row.key, request) for row in nearest.failing}
    added = [key for key in missing_checks(nearest.statement, request) if key not in meant]
    checks = " and ".join(f"{key} with “{(request.find(key) or ('',))[0]}”" for key in added)
    return differences, f"Let it check {checks} as well, so that it lets in no other token." if added else ""


def _exempt_from_denials(document: PolicyDocument, evaluation: Evaluation) -> Iterator[Difference]:
    """Let our subject and audience, and no others, past each Deny that applies; in place."""
    request, variables = evaluation.request, has_variables(document)
    is_guarded = all(_checks_audience(one, request) for one in evaluate_trust(document, request).statements)
    for denial in evaluation.denials:
        document["Statement"][denial.number - 1] = leave_out(denial.statement, "sub", request, variables=variables)
        if not is_guarded:
            # Conditions of one statement are joined by AND: denying all but this pair takes two statements.
            others = {name: value for name, value in denial.statement.items() if name != "Sid"}
            document["Statement"].append(leave_out(others, "aud", request, variables=variables))
        yield Difference(
            what="deny",
            sentence=f"Leave {request.subject} out of the Deny of statement {denial.number}; it wins over any Allow.",
            expected=f"no Deny that applies to {request.subject}",
            actual=f"statement {denial.number}" + (f", {denial.sid}" if denial.sid else ""),
        )


def _checks_audience(one: StatementVerdict, request: TokenRequest) -> bool:
    """Whether our subject with another audience does not get in by this statement."""
    if one.effect != "Allow" or is_pinned(one.statement, f"{request.issuer}:aud", request):
        return True
    return any(row.part != "condition" or request.claim_of(row.key) == "sub" for row in one.failing)


def _describe(row: Row, one: StatementVerdict, request: TokenRequest) -> Difference:
    where, found = f"In statement {one.number}", ", ".join(row.expected) or "none"
    if row.part == "principal":
        sentence = f"{where}, replace provider “{found}” by “{request.provider_arn}”."
        return Difference(_name_provider(row, request), sentence, request.provider_arn, found)
    if row.part == "action":
        return Difference("action", f"{where}, allow {request.action}.", request.action, found)
    if wanted := wanted_value(row, request):
        what = {"sub": "subject", "aud": "audience"}[request.claim_of(row.key)]
        is_case = wanted.lower() in [value.lower() for value in row.expected]
        sentence = f"{where}, replace {row.key} value “{found}” by “{wanted}”."
        if is_added(row, request):
            sentence = f"{where}, add “{wanted}” to the values of {row.key}, “{found}”."
        return Difference(f"{what}_case" if is_case else what, sentence, wanted, found)
    if meant := find_meant_key(row.key, request):
        value = (request.find(meant) or ("",))[0]
        written = Condition(row.operator, row.key, row.expected)
        by = "" if is_met_but_for_the_key(written, request, variables=False) else f" with value “{value}”"
        return Difference("condition_key", f"{where}, write key {row.key} as {meant}{by}.", meant, row.key)
    actual = ", ".join(row.actual) if row.actual else "not in the token"
    if is_session_name(row):
        return Difference("session_name", f"{where}, add “{actual}” to the values of {row.key}.", actual, found)
    return Difference("condition", f"{where}, remove {row.compared} “{found}”.", actual, f"{row.compared} “{found}”")


def _name_provider(row: Row, request: TokenRequest) -> str:
    wanted = request.provider_arn.split(":", 5)
    for arn in row.expected:
        found = arn.split(":", 5)
        if len(found) == 6 and found[5] == wanted[5] and found[1] != wanted[1]:
            return "provider_partition"
        if len(found) == 6 and found[5] == wanted[5] and found[4] != wanted[4]:
            return "provider_account"
    return "provider"
