"""manage.py prepare"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from environments.history import operating_system_actor
from environments.installation import InstallationError, issuer_mismatch, make_new_signing_key, prepare_installation
from environments.issuer.address import UnusableIssuerUrl
from environments.issuer.documents import SIGNING_ALGORITHMS


class Command(BaseCommand):
    help = "Bring a migrated database to where the console can start. Doing it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--key-algorithm",
            choices=SIGNING_ALGORITHMS,
            default="",
            help=f"of the built-in issuer's signing key; default: {SIGNING_ALGORITHMS[0]}, or that of the former key",
        )
        parser.add_argument(
            "--new-signing-key",
            action="store_true",
            help="let the built-in issuer sign with a new key: where the former one is lost, or is to be replaced",
        )

    def handle(self, *args: Any, key_algorithm: str, new_signing_key: bool, **options: Any) -> None:
        try:
            installation = prepare_installation(
                now=timezone.now(), key_algorithm=key_algorithm or SIGNING_ALGORITHMS[0]
            )
            if new_signing_key:
                made = make_new_signing_key(actor=operating_system_actor(), algorithm=key_algorithm)
                self.stdout.write(
                    f"The built-in issuer signs with a new key, {made.kid}. Verify the environments again."
                )
        except (InstallationError, UnusableIssuerUrl) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Ready for {installation.get_world_display()}.")
        if mismatch := issuer_mismatch():
            self.stderr.write("\n".join((mismatch.sentence, mismatch.why, *mismatch.remedies)))
