"""manage.py disconnect: take away what this console made in AWS for one environment, without a browser."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.diagnosis import Problem
from aws_setup.management.agreement_command import BAD_INPUT, AgreementCommand
from aws_setup.models import Connection, Plan
from aws_setup.wiring import open_gateway
from environments.history import operating_system_actor
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.installation import InstallationError, check_world
from environments.models import Environment, Status


class Command(AgreementCommand):
    help = (
        "Remove the role of an environment from AWS, or give it back to whoever made it. The identity provider stays, "
        "unless --remove-provider is given and nothing else uses it. "
        "Exit 0 disconnected, also where nothing was connected; 1 not, with the reason; 2 bad input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment_id", metavar="ENVIRONMENT_ID")
        parser.add_argument(
            "--remove-provider", action="store_true", help="the identity provider too, if nothing else uses it"
        )
        self.add_agreement_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_json = options["json"]
        self.meter = headless.Meter(open_gateway)
        actor = operating_system_actor()
        environment = self._find_environment(options["environment_id"])

        def make_plan() -> Plan:
            return headless.plan_disconnection(
                environment, removes_provider=options["remove_provider"], open_gateway=self.meter, actor=actor
            )

        if not self._has_anything(environment, with_provider=options["remove_provider"]):
            self.print_outcome(environment, None, None, None)
            self.say(f"AWS holds nothing of this console's for {environment.name}.")
            return
        agreed = self.agree(environment, make_plan, options=options, actor=actor)
        if agreed is None:
            return
        plan, run = agreed
        headless.finish_run(run, open_gateway=self.meter, say=self.say)
        problem = Problem.from_json(run.problem) if run.problem else None
        self.print_outcome(environment, plan, run, problem)
        if problem is not None:
            raise CommandError(problem.in_words, returncode=1)
        if report.status_of(environment, now=timezone.now()) != Status.DISCONNECTED:
            raise CommandError("Not disconnected.", returncode=1)
        self.say(run.doing)

    def _find_environment(self, environment_id: str) -> Environment:
        try:
            validate_plain_id(environment_id)
            check_world()
        except InvalidVertesiaId as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except InstallationError as error:
            raise CommandError(str(error), returncode=1) from error
        environment = Environment.objects.filter(environment_id=environment_id).first()
        if environment is None:
            raise CommandError(f"No environment {environment_id} is known here.", returncode=BAD_INPUT)
        return environment

    def _has_anything(self, environment: Environment, *, with_provider: bool) -> bool:
        """Whether there is a role, a run at work on one, or a provider that was kept until now and shall go."""
        connection = Connection.objects.filter(environment=environment).first()
        if connection is None:
            return False
        is_live = connection.runs.filter(finished_at__isnull=True).exists()
        return connection.has_aws_resources or is_live or (with_provider and bool(connection.provider_arn))
