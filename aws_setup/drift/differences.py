"""In which points AWS differs from what was agreed, as values, and the one Problem that names them all. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from aws_setup.diagnosis import Problem

DRIFT = "drift"
"""The code of the Problem: one for all differences of a connection, whoever found them."""

Severity = Literal["breaks", "widens", "differs"]
SEVERITIES: tuple[Severity, ...] = ("breaks", "widens", "differs")
"""Worst first: Vertesia can no longer use the role; somebody or something more is let in or allowed; neither."""


@dataclass(frozen=True)
class Difference:
    """One field in which AWS differs. `expected` and `actual` are JSON values; None is: not there.

    `can_accept`: it can be made part of the agreement, as it is in AWS. `can_repair`: a plan puts back what was agreed.
    `todo` says what to do where one of these is not possible, or asks something first.
    """

    kind: str
    field: str
    meaning: str
    severity: Severity
    expected: Any = None
    actual: Any = None
    can_accept: bool = False
    can_repair: bool = True
    todo: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


def explain_differences(differences: Sequence[Difference], *, name: str) -> Problem:
    """What is wrong where AWS differs in at least one point; `differences` are worst first."""
    worst = differences[0]
    points = "1 point" if len(differences) == 1 else f"{len(differences)} points, the worst"
    can_repair = any(difference.can_repair for difference in differences)
    can_accept = any(difference.can_accept for difference in differences)
    ways = [
        "Plan the repair: it puts back what was agreed." if can_repair else "",
        "What somebody meant to change can be accepted as the new agreement, under “Compared with AWS”."
        if can_accept
        else "",
        *(difference.todo for difference in differences if not can_repair and not can_accept),
    ]
    return Problem(
        code=DRIFT,
        sentence=f"AWS differs from what was agreed for {name} in {points}: {worst.field}.",
        why=worst.meaning,
        remedy=" ".join(filter(None, ways)),
        fix="plan" if can_repair else "",
        evidence={
            f"{number}. {difference.field}": difference.meaning for number, difference in enumerate(differences, 1)
        },
    )
