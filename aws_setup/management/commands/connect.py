"""manage.py connect: set up, or change, the AWS side of one environment without a browser."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import record_consent
from aws_setup.management.agreement_command import BAD_INPUT, AgreementCommand, printable
from aws_setup.models import Account, Connection, Permissions, Plan, Run, VertesiaAccess
from aws_setup.names import InvalidName, validate_policy_arn, validate_role_name, validate_role_prefix
from aws_setup.regions import validate_bedrock_region
from aws_setup.tags import InvalidTag, parse_tags
from aws_setup.wiring import open_gateway, open_vertesia
from environments.history import Actor, operating_system_actor
from environments.ids import describe_unusual
from environments.installation import InstallationError, check_world, default_issuer
from environments.models import Environment, Issuer, Organization, Provider
from environments.registry import (
    NotRegistered,
    check_ids,
    check_issuer,
    check_names,
    register_environment,
    rename_environment,
)


class Command(AgreementCommand):
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
        parser.add_argument(
            "--adopt", metavar="DIGEST", default="", help="consent to adopt the role that somebody else made, as found"
        )
        parser.add_argument(
            "--vertesia",
            action="store_true",
            help="also tell Vertesia, and ask it for its list: needs its API key here",
        )
        self.add_agreement_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_json = options["json"]
        self.meter = headless.Meter(open_gateway)
        actor = operating_system_actor()
        try:
            check_world()
            answers = self._read_answers(options)
            issuer = self._find_issuer(options)
            self._check(options, issuer)
        except (InvalidName, InvalidTag, NotRegistered) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except InstallationError as error:
            raise CommandError(str(error), returncode=1) from error
        if options["vertesia"]:
            self._require_access(options["organization_id"])
        ids = {key: options[key] for key in ("organization_id", "environment_id")}
        for warning in describe_unusual(**ids):
            self.stderr.write(warning)
        environment = Environment.objects.filter(environment_id=options["environment_id"]).first()
        try:
            account = headless.find_account(self.meter, account_id=options["account"], now=timezone.now())
            self._check_names(answers, account, environment)
        except Blocked as error:
            self.print_outcome(environment, None, None, error.problem)
            raise CommandError(printable(error.problem.in_words), returncode=1) from error
        answers |= {**ids, "account_id": account.account_id, "issuer_url": issuer.url}
        if environment is not None:
            self._connect(environment, answers, options, actor)
            return
        is_new_organization = not Organization.objects.filter(organization_id=options["organization_id"]).exists()
        try:
            environment = self._register(options, issuer, actor)
        except NotRegistered as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        try:
            self._connect(environment, answers, options, actor)
        finally:
            headless.unregister(environment, with_organization=is_new_organization)

    def _require_access(self, organization_id: str) -> None:
        if not VertesiaAccess.objects.filter(organization__organization_id=organization_id).exists():
            raise CommandError(
                f"No Vertesia API key of organization {organization_id} is known here. "
                f"Take one up: VERTESIA_API_KEY=… manage.py import_environments {organization_id} --site SITE",
                returncode=BAD_INPUT,
            )

    def _connect(
        self, environment: Environment, answers: dict[str, object], options: dict[str, Any], actor: Actor
    ) -> None:
        """Plan, and apply where that is agreed to. Until then nothing of the environment itself is changed."""

        def make_plan() -> Plan:
            return headless.plan_connection(environment, answers=answers, open_gateway=self.meter, actor=actor)

        agreed = self.agree(environment, make_plan, options=options, actor=actor)
        if agreed is None:
            return
        plan, run = agreed
        desired = DesiredState.from_json(plan.desired)
        if options["adopt"] and desired.is_adopted:
            record_consent(role_arn=desired.role_arn, digest=options["adopt"], environment=environment, actor=actor)
        if options["name"]:
            rename_environment(environment, name=options["name"], actor=actor)
        headless.finish_run(run, open_gateway=self.meter, open_vertesia=open_vertesia, say=self.say)
        self._finish(environment, plan, run)

    def _read_answers(self, options: dict[str, Any]) -> dict[str, object]:
        validate_bedrock_region(options["region"])
        answers: dict[str, object] = {"region": options["region"], "adopts": options["adopt"]}
        if options["name"]:
            answers["name"] = options["name"]
        if options["role_name"]:
            validate_role_name(options["role_name"])
            answers["role_name"] = options["role_name"]
        if options["tag"]:
            answers["tags"] = parse_tags(options["tag"])
        policy = options["policy"]
        if policy in (Permissions.INVOKE, Permissions.FULL):
            answers |= {"permissions": policy, "policy_arn": ""}
        elif policy:
            validate_policy_arn(policy)
            answers |= {"permissions": Permissions.POLICY, "policy_arn": policy}
        return answers

    def _check_names(self, answers: dict[str, object], account: Account, environment: Environment | None) -> None:
        """A policy must be of the account or AWS's; a new role's name must begin as the company wants it there."""
        try:
            if answers.get("permissions") == Permissions.POLICY:
                validate_policy_arn(str(answers["policy_arn"]), account_id=account.account_id)
            name = str(answers.get("role_name", ""))
            has_it = Connection.objects.filter(environment=environment, role_name__iexact=name).exclude(role_arn="")
            if name and not has_it.exists():
                validate_role_prefix(name, prefix=account.role_prefix, account_id=account.account_id)
        except InvalidName as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error

    def _find_issuer(self, options: dict[str, Any]) -> Issuer:
        if options["issuer"]:
            chosen = Issuer.objects.filter(url=options["issuer"]).first()
            if chosen is None:
                urls = ", ".join(Issuer.objects.values_list("url", flat=True))
                raise NotRegistered("issuer", f"The issuer {options['issuer']} is not known here. Known: {urls}.")
            return chosen
        known = Organization.objects.filter(organization_id=options["organization_id"]).first()
        return known.issuer if known else default_issuer()

    def _check(self, options: dict[str, Any], issuer: Issuer) -> None:
        """Raise NotRegistered where this environment could not be taken up, before anything is."""
        check_ids(organization_id=options["organization_id"], environment_id=options["environment_id"])
        check_names(organization_name="", name=options["name"])
        organization = Organization.objects.filter(organization_id=options["organization_id"]).first()
        environment = Environment.objects.filter(environment_id=options["environment_id"]).first()
        if organization is not None and not (environment is not None and environment.api_key):
            check_issuer(organization, issuer=issuer)

    def _register(self, options: dict[str, Any], issuer: Issuer, actor: Actor) -> Environment:
        known = Organization.objects.filter(organization_id=options["organization_id"]).first()
        return register_environment(
            organization_name="",
            organization_id=options["organization_id"],
            issuer=known.issuer if known else issuer,
            environment_id=options["environment_id"],
            name=options["name"],
            region=options["region"],
            provider=Provider.BEDROCK,
            actor=actor,
        )

    def _finish(self, environment: Environment, plan: Plan, run: Run) -> None:
        problem = Problem.from_json(run.problem) if run.problem else None
        self.print_outcome(environment, plan, run, problem)
        code = report.exit_code(report.status_of(environment, now=timezone.now()))
        if problem is not None and code != 3:
            raise CommandError(printable(problem.in_words), returncode=1)
        if code == 3:
            arn = Connection.objects.get(environment=environment).role_arn
            because = f" {problem.in_words}" if problem else ""
            raise CommandError(
                printable(
                    f"AWS holds what was agreed.{because} Finish in Vertesia Studio: "
                    f"set the environment's API Key to {arn}"
                ),
                returncode=code,
            )
        if code:
            raise CommandError("Not connected.", returncode=code)
