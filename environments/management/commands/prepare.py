"""manage.py prepare"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from environments.installation import InstallationError, issuer_mismatch, prepare_installation
from environments.issuer.address import UnusableIssuerUrl
from environments.issuer.documents import SIGNING_ALGORITHMS


class Command(BaseCommand):
    help = "Bring a migrated database to where the console can start. Doing it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--key-algorithm",
            choices=SIGNING_ALGORITHMS,
            default=SIGNING_ALGORITHMS[0],
            help="of the built-in issuer's signing key, where there is none yet; default: %(default)s",
        )

    def handle(self, *args: Any, key_algorithm: str, **options: Any) -> None:
        try:
            installation = prepare_installation(now=timezone.now(), key_algorithm=key_algorithm)
        except (InstallationError, UnusableIssuerUrl) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Ready for {installation.get_world_display()}.")
        if mismatch := issuer_mismatch():
            self.stderr.write("\n".join((mismatch.sentence, mismatch.why, *mismatch.remedies)))
