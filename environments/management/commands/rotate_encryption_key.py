"""manage.py rotate_encryption_key"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environments.rotation import encrypt_everything_again
from environments.secrets import NoKeyFits


class Command(BaseCommand):
    help = "Encrypt every stored secret again with the first of ENCRYPTION_KEYS; the others can be removed afterwards."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = encrypt_everything_again()
        except NoKeyFits as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Encrypted with the first of ENCRYPTION_KEYS: {number}. The others can go.")
