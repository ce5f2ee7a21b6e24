"""The checks of one attempt at a proof, in their order."""

from dataclasses import dataclass, field
from typing import Any

from aws_setup.diagnosis import Problem
from aws_setup.models import Check, Verification

LISTINGS = ("foundation_models", "custom_models", "inference_profiles")
CHECKS = ("token", "exchange", "identity", *LISTINGS)


@dataclass
class Ladder:
    """The checks of one attempt, in order. What comes after a failure is not run, and says so."""

    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, result: Check.Result, detail: str, **more: Any) -> None:
        self.checks.append(
            Check(position=len(self.checks), check_name=name, result=result, detail=detail[:1000], **more)
        )

    def fail(self, name: str, problem: Problem) -> None:
        """Add the failed check; those after it were not run."""
        self.add(
            name, Check.Result.FAIL, problem.sentence, remedy=problem.remedy[:1000], evidence=dict(problem.evidence)
        )

    def finish(self, sentence: str) -> None:
        """Add every check that was not reached."""
        done = {check.check_name for check in self.checks}
        for name in CHECKS:
            if name not in done:
                self.add(name, Check.Result.NOT_RUN, sentence)

    def store(self, proof: Verification) -> None:
        """Write the checks down as those of this verification."""
        for check in self.checks:
            check.verification = proof
        Check.objects.bulk_create(self.checks)
