"""Encrypting every stored secret anew, wherever it is kept."""

from django.apps import apps
from django.db import transaction

from environments.secrets import EncryptedField, encrypt_again


@transaction.atomic
def encrypt_everything_again() -> int:
    """Encrypt each stored secret with the newest of ENCRYPTION_KEYS; how many there are.

    Raises secrets.NoKeyFits, having changed nothing.
    """
    number = 0
    for model in apps.get_models():
        names = [field.attname for field in model._meta.concrete_fields if isinstance(field, EncryptedField)]
        for row in model._default_manager.all() if names else ():
            again = {name: encrypt_again(bytes(getattr(row, name))) for name in names}
            model._default_manager.filter(pk=row.pk).update(**again)
            number += len(again)
    return number
