"""manage.py verify ENVIRONMENT_ID [--json]: prove one connection anew, now."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.diagnosis import Problem
from aws_setup.models import Connection
from aws_setup.wiring import open_gateway
from environments.history import operating_system_actor
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.installation import InstallationError, check_world

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Prove that an environment's role works. Exit 0 connected, 1 not, 2 bad input, 3 waiting for Vertesia."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment_id", metavar="ENVIRONMENT_ID")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, environment_id: str, **options: Any) -> None:
        try:
            validate_plain_id(environment_id)
            check_world()
        except InvalidVertesiaId as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except InstallationError as error:
            raise CommandError(str(error), returncode=1) from error
        connection = (
            Connection.objects.filter(environment__environment_id=environment_id)
            .select_related("environment", "account")
            .first()
        )
        if connection is None:
            raise CommandError(
                f"No environment {environment_id} is connected here. Connect it with manage.py connect.",
                returncode=BAD_INPUT,
            )
        meter = headless.Meter(open_gateway)
        say = (lambda line: None) if options["json"] else (lambda line: self.stdout.write(f"         {line}"))
        proof = headless.verify_connection(connection, open_gateway=meter, actor=operating_system_actor(), say=say)
        if proof is None:
            raise CommandError("A set-up of this environment is under way; verify when it is over.", returncode=1)
        status = report.status_of(connection.environment, now=timezone.now())
        if options["json"]:
            self._print_json(status.value, report.report_proof(proof), meter.calls)
        else:
            for check in proof.checks.all():
                self.stdout.write(f"{check.result:>8}  {check.check_name}: {check.detail}")
            if proof.limit:
                self.stdout.write(proof.limit)
        code = report.exit_code(status)
        if code:
            reason = Problem.from_json(proof.problem).in_words if proof.problem else status.label
            raise CommandError(reason, returncode=code)

    def _print_json(self, status: str, proof: dict[str, Any], aws_calls: int) -> None:
        self.stdout.write(json.dumps({"status": status, **proof, "aws_calls": aws_calls}, indent=2))
