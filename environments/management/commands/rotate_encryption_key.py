"""manage.py rotate_encryption_key"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from environments.issuer.keys import encrypt_keys_again
from environments.secrets import NoKeyFits


class Command(BaseCommand):
    help = "Encrypt every stored secret again with the first of ENCRYPTION_KEYS; the others can be removed afterwards."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = encrypt_keys_again()
        except NoKeyFits as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{number} signing key(s) are encrypted with the first of ENCRYPTION_KEYS.")
