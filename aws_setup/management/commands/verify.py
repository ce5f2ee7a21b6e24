"""manage.py verify ENVIRONMENT_ID [--isolation] [--json]: prove one connection anew, now.

With --json it prints the report that the pages show, and the status. The exit is 0 only where it is proven.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aws_setup import headless, report
from aws_setup.diagnosis import Problem
from aws_setup.evidence import build_report
from aws_setup.management.agreement_command import printable
from aws_setup.models import Connection, Verification
from aws_setup.wiring import open_gateway, open_vertesia
from environments.history import operating_system_actor
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.installation import InstallationError, check_world

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Prove that an environment's role works. Exit 0 connected, 1 not, 2 bad input, 3 waiting for Vertesia."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment_id", metavar="ENVIRONMENT_ID")
        parser.add_argument("--isolation", action="store_true", help="also try tokens that AWS must refuse")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

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
        say = (
            (lambda line: None) if options["json"] else (lambda line: self.stdout.write(f"         {printable(line)}"))
        )
        proof = headless.verify_connection(
            connection,
            open_gateway=meter,
            open_vertesia=open_vertesia,
            actor=operating_system_actor(),
            say=say,
            with_isolation=options["isolation"],
        )
        if proof is None:
            raise CommandError("A set-up of this environment is under way; verify when it is over.", returncode=1)
        status = report.status_of(connection.environment, now=timezone.now())
        if options["json"]:
            content = {"status": status.value, **build_report(proof), "aws_calls": meter.calls}
            self.stdout.write(json.dumps(content, indent=2))
        else:
            for check in proof.checks.all():
                self.stdout.write(f"{check.result:>8}  {check.check_name}: {printable(check.detail)}")
            if proof.limit:
                self.stdout.write(printable(proof.limit))
        code = report.exit_code(status) if proof.state != Verification.State.FAILED else 1
        if code:
            reason = Problem.from_json(proof.problem).in_words if proof.problem else status.label
            raise CommandError(printable(reason), returncode=code)
