"""The evaluation of a trust policy as a plain-text table. Pure."""

from collections.abc import Iterator

from aws_setup.trust.evaluation import Evaluation, Row, StatementVerdict, Verdict
from aws_setup.trust.smallest_change import SmallestChange

_MARKS = {True: "yes", False: "NO", None: "?"}
_OUTCOME = {
    ("Allow", True): "lets the token in",
    ("Allow", False): "does not let the token in",
    ("Allow", None): "may let the token in",
    ("Deny", True): "keeps the token out; a Deny wins over every Allow",
    ("Deny", False): "does not apply",
    ("Deny", None): "may keep the token out",
}
_SENTENCES = {
    Verdict.ACCEPTED: "This trust policy lets the token in.",
    Verdict.REFUSED: "This trust policy refuses the token.",
    Verdict.UNKNOWN: "Whether this trust policy lets the token in cannot be known from here.",
}


def print_evaluation(evaluation: Evaluation, change: SmallestChange | None = None) -> str:
    """What was compared with what, statement by statement, and what would have to change; ends in a new line."""
    lines = [_SENTENCES[evaluation.verdict]]
    if evaluation.unknown_keys:
        lines.append(f"It depends on {', '.join(evaluation.unknown_keys)}.")
    for one in evaluation.statements:
        lines += ["", describe_verdict(one), *(line for row in one.rows for line in _print_row(row))]
    if not evaluation.statements:
        lines += ["", "It has no statements."]
    if change:
        lines += ["", "The smallest change:"]
        lines += [f"  {difference.what}: {difference.sentence}" for difference in change.differences]
        lines += [f"  {change.besides}"] if change.besides else []
    return "\n".join(lines) + "\n"


def describe_verdict(one: StatementVerdict) -> str:
    """One statement and what it does with the token, in one line."""
    name = f"Statement {one.number}, {one.sid}" if one.sid else f"Statement {one.number}"
    outcome = _OUTCOME.get((one.effect, one.applies), "neither allows nor denies")
    return f"{name} ({one.effect or 'no effect'}): {outcome}."


def _print_row(row: Row) -> Iterator[str]:
    yield f"  {_MARKS[row.passes]:<3}  {row.compared}"
    yield f"         policy  {_print_values(row.expected) or 'nothing'}"
    if row.actual is None:
        yield f"         token   {'not known' if row.passes is None else 'not in the token'}"
    elif row.actual:
        yield f"         token   {_print_values(row.actual)}"
    if row.note:
        yield f"         note    {row.note}"


def _print_values(values: tuple[str, ...]) -> str:
    """Values side by side; one with white space around it, or an empty one, in quotation marks."""
    return ", ".join(value if value and value == value.strip() else f"“{value}”" for value in values)
