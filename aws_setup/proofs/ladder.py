"""The checks of one attempt at a proof, in the order of the rungs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_setup.diagnosis import Problem
from aws_setup.models import Check, Verification
from aws_setup.proofs.rungs import EVERY_TIME, ISOLATION, RUNGS

UNREAD = {"unread": True}
"""Evidence of a listing that was skipped because it failed: its models are not known."""
UNTRIED = {"tried": "not to its end"}
"""Evidence of a token that was to be refused and was not tried to its end: whether it is refused is not known."""


def is_untried(check: Check) -> bool:
    """Whether nobody knows what would become of a token that must be refused."""
    return "tried" in check.evidence


@dataclass
class Ladder:
    """The checks of one attempt. What comes after the first failure is not run, and says so.

    `problem` is the cause: that of the first red rung. What is red later would only repeat it. `security` are those of
    a role that lets in somebody it must not: each is a hole of its own.
    """

    checks: dict[str, Check] = field(default_factory=dict)
    problem: Problem | None = None
    security: list[Problem] = field(default_factory=list)

    def add(
        self,
        name: str,
        result: Check.Result,
        detail: str,
        *,
        evidence: Mapping[str, Any] | None = None,
        milliseconds: int | None = None,
    ) -> None:
        """Add a check, once per rung."""
        self.checks[name] = Check(
            check_name=name,
            result=result,
            detail=detail[:1000],
            evidence=dict(evidence or {}),
            milliseconds=milliseconds,
        )

    def skip(self, name: str, reason: str, *, evidence: Mapping[str, Any] | None = None, remedy: str = "") -> None:
        """Add a check that could not be made; it blocks nothing."""
        self.add(name, Check.Result.SKIPPED, reason, evidence=evidence)
        self.checks[name].remedy = remedy[:1000]

    def fail(self, name: str, problem: Problem, *, milliseconds: int | None = None) -> None:
        """Add the failed check with its remedy; after the first one only that it was refused as well."""
        if self.problem is not None:
            self.add(name, Check.Result.NOT_RUN, f"Refused as well: {problem.sentence}", evidence=problem.evidence)
            return
        self.problem = problem
        self.add(name, Check.Result.FAIL, problem.sentence, evidence=problem.evidence, milliseconds=milliseconds)
        self.checks[name].remedy = problem.remedy[:1000]

    def excuse(self, reason: str) -> None:
        """Take the cause back: it only kept from looking at what is proven otherwise."""
        red = [
            name for name, check in self.checks.items() if check.result == Check.Result.FAIL and name not in ISOLATION
        ]
        self.skip(red[0], reason)
        self.problem = None

    def fail_security(self, name: str, problem: Problem) -> None:
        """Add a check that shows the role to be open. It stands beside the cause of anything else."""
        self.security.append(problem)
        self.add(name, Check.Result.FAIL, problem.sentence, evidence=problem.evidence)
        self.checks[name].remedy = problem.remedy[:1000]

    @property
    def kept_out(self) -> list[str]:
        """The rungs of isolation whose token was refused, would be, or cannot exist; not what nobody looked at."""
        found = [(name, self.checks[name]) for name in ISOLATION if name in self.checks]
        return [name for name, check in found if check.result != Check.Result.FAIL and not is_untried(check)]

    def finish(self, sentence: str) -> None:
        """Add every check that was not reached."""
        for name in EVERY_TIME:
            if name not in self.checks:
                self.add(name, Check.Result.NOT_RUN, sentence)

    def store(self, proof: Verification) -> None:
        """Write the checks down as those of this verification."""
        found = [self.checks[rung.name] for rung in RUNGS if rung.name in self.checks]
        for position, check in enumerate(found):
            check.verification, check.position = proof, position
        Check.objects.bulk_create(found)
