"""manage.py connect: set up, or change, the AWS side of one environment without a browser."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Connection, Permissions, Plan, Run
from aws_setup.names import InvalidName, validate_policy_arn, validate_region, validate_role_name
from aws_setup.tags import InvalidTag, parse_tags
from aws_setup.wiring import open_gateway
from environments.history import operating_system_actor
from environments.installation import InstallationError, check_world, default_issuer
from environments.models import Environment, Issuer, Organization, Provider
from environments.registry import NotRegistered, register_environment

BAD_INPUT = 2


class Command(BaseCommand):
    help = (
        "Give an environment keyless access to Amazon Bedrock: plan, apply and prove it. "
        "Exit 0 connected, 1 not connected, 2 bad input, 3 waiting for Vertesia."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization_id", metavar="ORGANIZATION_ID")
        parser.add_argument("environment_id", metavar="ENVIRONMENT_ID")
        parser.add_argument("--region", required=True, help="the environment's Endpoint URL in Vertesia, as us-east-1")
        parser.add_argument("--name", default="", help="the environment's name in Vertesia")
        parser.add_argument("--issuer", metavar="URL", default="", help="default: the organization's, or the usual one")
        parser.add_argument("--account", metavar="ACCOUNT_ID", default="", help="default: where the credentials lead")
        parser.add_argument("--role-name", default="", help="default: VertesiaEnvironment and the name")
        parser.add_argument("--policy", default="", metavar="invoke|full|ARN", help="default: invoke")
        parser.add_argument("--tag", action="append", default=[], metavar="K=V", help="may be given several times")
        agreement = parser.add_mutually_exclusive_group(required=True)
        agreement.add_argument("--dry-run", action="store_true", help="show the plan, write nothing to AWS")
        agreement.add_argument("--yes", action="store_true", help="agree to whatever the plan is")
        agreement.add_argument("--approve", metavar="FINGERPRINT", help="agree to the plan with this fingerprint only")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_json = options["json"]
        self.meter = headless.Meter(open_gateway)
        actor = operating_system_actor()
        try:
            check_world()
            answers = self._read_answers(options)
            environment = self._register(options, actor)
        except (InvalidName, InvalidTag, NotRegistered) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except InstallationError as error:
            raise CommandError(str(error), returncode=1) from error
        plan: Plan | None = None
        run: Run | None = None
        try:
            account = headless.find_account(self.meter, account_id=options["account"], now=timezone.now())
            self._check_policy(answers, account.account_id)
            plan = headless.plan_connection(
                environment,
                answers={**answers, "account_id": account.account_id, "issuer_url": self.issuer_url},
                open_gateway=self.meter,
                actor=actor,
            )
            self._describe(plan)
            if options["dry_run"]:
                self._print(environment, plan, None, None)
                headless.withdraw_plan(plan, now=timezone.now())
                self._unregister(environment)
                return
            if options["approve"] and options["approve"] != plan.fingerprint:
                headless.withdraw_plan(plan, now=timezone.now())
                raise Blocked(self._other_plan(options["approve"], plan))
            run = headless.apply_plan(plan, open_gateway=self.meter, actor=actor, say=self._say)
        except Blocked as error:
            self._print(environment, plan, run, error.problem)
            raise CommandError(self._sentence(error.problem), returncode=1) from error
        self._finish(environment, plan, run)

    def _read_answers(self, options: dict[str, Any]) -> dict[str, object]:
        validate_region(options["region"])
        answers: dict[str, object] = {
            "region": options["region"],
            "organization_id": options["organization_id"],
            "environment_id": options["environment_id"],
        }
        if options["role_name"]:
            validate_role_name(options["role_name"])
            answers["role_name"] = options["role_name"]
        if options["tag"]:
            answers["tags"] = parse_tags(options["tag"])
        policy = options["policy"]
        if policy in (Permissions.INVOKE, Permissions.FULL):
            answers |= {"permissions": policy, "policy_arn": ""}
        elif policy:
            answers |= {"permissions": Permissions.POLICY, "policy_arn": policy}
        return answers

    def _check_policy(self, answers: dict[str, object], account_id: str) -> None:
        if answers.get("permissions") == Permissions.POLICY:
            try:
                validate_policy_arn(str(answers["policy_arn"]), account_id=account_id)
            except InvalidName as error:
                raise CommandError(str(error), returncode=BAD_INPUT) from error

    def _register(self, options: dict[str, Any], actor: Any) -> Environment:
        known = Organization.objects.filter(organization_id=options["organization_id"]).first()
        issuer = known.issuer if known else default_issuer()
        if options["issuer"]:
            chosen = Issuer.objects.filter(url=options["issuer"]).first()
            if chosen is None:
                urls = ", ".join(Issuer.objects.values_list("url", flat=True))
                raise NotRegistered("issuer", f"The issuer {options['issuer']} is not known here. Known: {urls}.")
            issuer = chosen
        self.issuer_url = issuer.url
        environment = Environment.objects.filter(environment_id=options["environment_id"]).first()
        self.is_new_environment, self.is_new_organization = environment is None, known is None
        is_connected = environment is not None and bool(environment.api_key)
        return register_environment(
            organization_name="",
            organization_id=options["organization_id"],
            issuer=known.issuer if known and is_connected else issuer,
            environment_id=options["environment_id"],
            name=options["name"],
            region=options["region"],
            provider=environment.provider if environment else Provider.BEDROCK,
            actor=actor,
        )

    def _unregister(self, environment: Environment) -> None:
        """A dry run leaves nothing behind: what was taken up for it goes again."""
        if self.is_new_environment:
            environment.delete()
        if self.is_new_organization:
            Organization.objects.filter(pk=environment.organization_id, environments__isnull=True).delete()

    def _other_plan(self, approved: str, plan: Plan) -> Problem:
        return Problem(
            code="other_plan",
            sentence=f"The plan made now is {plan.fingerprint}, not the approved {approved}.",
            why="AWS or the wishes have changed since. Nothing was written.",
            remedy="Look at it with --dry-run and approve its fingerprint.",
        )

    def _finish(self, environment: Environment, plan: Plan, run: Run) -> None:
        problem = Problem.from_json(run.problem) if run.problem else None
        self._print(environment, plan, run, problem)
        code = report.exit_code(report.status_of(environment, now=timezone.now()))
        if problem is not None:
            raise CommandError(self._sentence(problem), returncode=1)
        if code == 3:
            arn = Connection.objects.get(environment=environment).role_arn
            raise CommandError(
                f"AWS holds what was agreed. Finish in Vertesia Studio: set the environment's API Key to {arn}",
                returncode=code,
            )
        if code:
            raise CommandError("Not connected.", returncode=code)

    def _describe(self, plan: Plan) -> None:
        if not self.is_json:
            for action in plan.actions:
                self.stdout.write(f"{action['verb']:>7}  {action['summary']}")
            self.stdout.write(f"Plan {plan.fingerprint}")

    def _say(self, line: str) -> None:
        if not self.is_json:
            self.stdout.write(f"         {line}")

    def _sentence(self, problem: Problem) -> str:
        return " ".join(filter(None, (problem.sentence, problem.why, problem.remedy)))

    def _print(self, environment: Environment, plan: Plan | None, run: Run | None, problem: Problem | None) -> None:
        status = report.status_of(environment, now=timezone.now())
        proof = run.verifications.first() if run else None
        if not self.is_json:
            if proof is not None and proof.state == "proven":
                region = DesiredState.from_json(plan.desired).region if plan else ""
                self.stdout.write(f"Connected: Studio will show {proof.listing} in {region}.")
                if proof.limit:
                    self.stdout.write(proof.limit)
            return
        content: dict[str, Any] = {"status": status.value, **report.report_plan(plan, run)}
        content |= report.report_proof(proof)
        content |= {"problem": problem.to_json() if problem else None, "aws_calls": self.meter.calls}
        self.stdout.write(json.dumps(content, indent=2))
