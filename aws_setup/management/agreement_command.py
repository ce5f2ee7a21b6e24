"""What commands that plan, ask for agreement and carry out have in common: their options, and what they print."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Plan, Run
from aws_setup.trust.adoption import Adoption
from environments.history import Actor
from environments.models import Environment, Status

BAD_INPUT = 2


class AgreementCommand(BaseCommand):
    """A plan is made and described; a run comes of it only where the caller agrees to it."""

    is_json: bool
    meter: headless.Meter

    def add_agreement_arguments(self, parser: ArgumentParser) -> None:
        agreement = parser.add_mutually_exclusive_group(required=True)
        agreement.add_argument("--dry-run", action="store_true", help="show the plan, write nothing to AWS")
        agreement.add_argument("--yes", action="store_true", help="agree to whatever the plan is")
        agreement.add_argument("--approve", metavar="FINGERPRINT", help="agree to the plan with this fingerprint only")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def agree(
        self, environment: Environment, make_plan: Callable[[], Plan], *, options: dict[str, Any], actor: Actor
    ) -> tuple[Plan, Run] | None:
        """Make the plan and approve it as the options say; None after a dry run. Until then nothing is changed.

        Raises CommandError, after printing it, where it cannot be planned or is not the plan that was agreed to.
        """
        plan: Plan | None = None
        run: Run | None = None
        try:
            plan = make_plan()
            self.describe(plan)
            if options["dry_run"]:
                self.print_outcome(environment, plan, None, None)
                return None
            if options["approve"] and options["approve"] != plan.fingerprint:
                raise Blocked(_other_plan(options["approve"], plan))
            run = headless.approve_plan(plan, actor=actor)
        except Blocked as error:
            adoption = error.adoption if isinstance(error, headless.RoleFound) else None
            self.print_outcome(environment, plan, None, error.problem, adoption=adoption)
            raise CommandError(error.problem.in_words, returncode=1) from error
        finally:
            if plan is not None and run is None:
                headless.withdraw_plan(plan, now=timezone.now())
        return plan, run

    def describe(self, plan: Plan) -> None:
        if not self.is_json:
            for action in plan.actions:
                self.stdout.write(f"{action['verb']:>7}  {action['summary']}")
            self.stdout.write(f"Plan {plan.fingerprint}")

    def say(self, line: str) -> None:
        if not self.is_json:
            self.stdout.write(f"         {line}")

    def print_outcome(
        self,
        environment: Environment | None,
        plan: Plan | None,
        run: Run | None,
        problem: Problem | None,
        *,
        adoption: Adoption | None = None,
    ) -> None:
        """One JSON object, or what a person reads: the proof, and a role that asks for consent."""
        status = report.status_of(environment, now=timezone.now()) if environment else Status.NOT_CONNECTED
        proof = run.verifications.first() if run else None
        if not self.is_json:
            if proof is not None and proof.state == "proven":
                region = DesiredState.from_json(plan.desired).region if plan else ""
                self.stdout.write(f"Connected: Studio will show {proof.listing} in {region}.")
                if proof.limit:
                    self.stdout.write(proof.limit)
            if adoption is not None:
                self._describe_adoption(adoption)
            return
        content: dict[str, Any] = {"status": status.value, **report.report_plan(plan, run)}
        content |= report.report_proof(proof)
        content |= {"problem": problem.to_json() if problem else None, "aws_calls": self.meter.calls}
        if adoption is not None:
            content["adoption"] = report.report_adoption(adoption)
        self.stdout.write(json.dumps(content, indent=2))

    def _describe_adoption(self, adoption: Adoption) -> None:
        self.stdout.write(f"Found    {adoption.role.arn}")
        for found in adoption.statements:
            self.stdout.write(f"{found.becomes:>8}  {found.sentence}")
            for hole in found.holes:
                self.stdout.write(f"          SECURITY HOLE: {hole}")
        if adoption.why_not:
            self.stdout.write(f"It cannot be adopted. {adoption.why_not}")
        else:
            self.stdout.write(f"To consent to exactly this role: --adopt {adoption.role.digest}")


def _other_plan(approved: str, plan: Plan) -> Problem:
    return Problem(
        code="other_plan",
        sentence=f"The plan made now is {plan.fingerprint}, not the approved {approved}.",
        why="AWS or the wishes have changed since. Nothing was written.",
        remedy="Look at it with --dry-run and approve its fingerprint.",
    )
