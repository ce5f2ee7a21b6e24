"""manage.py issue_token ENVIRONMENT_ID [--audience AUDIENCE]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from environments.history import operating_system_actor
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.installation import InstallationError, check_world
from environments.issuer.keys import NoSigningKey
from environments.issuer.tokens import NotOurIssuer, issue_token
from environments.models import Environment
from environments.secrets import NoKeyFits

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Print a token of the built-in issuer for an environment: a credential, valid for five minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment_id", metavar="ENVIRONMENT_ID")
        parser.add_argument("--audience", help="instead of the issuer's own, which is bedrock")

    def handle(self, *args: Any, environment_id: str, audience: str | None, **options: Any) -> None:
        try:
            validate_plain_id(environment_id)
        except InvalidVertesiaId as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if audience is not None and not audience.strip():
            raise CommandError("An audience cannot be empty.", returncode=BAD_INPUT)
        try:
            check_world()
            environment = Environment.objects.select_related("organization__issuer").get(environment_id=environment_id)
            token = issue_token(environment, audience=audience, actor=operating_system_actor(), now=timezone.now())
        except Environment.DoesNotExist as error:
            raise CommandError(f"No environment {environment_id} is known here.", returncode=BAD_INPUT) from error
        except (InstallationError, NotOurIssuer, NoSigningKey, NoKeyFits) as error:
            raise CommandError(str(error)) from error
        self.stderr.write("A credential for five minutes: whoever holds it can act as this environment.")
        self.stdout.write(token.value)
