"""Encryption at rest with rotating keys.

`settings.ENCRYPTION_KEYS` are texts of any form; a Fernet key is derived from each by HKDF-SHA256 (RFC 5869). The first
encrypts, all decrypt: to rotate, put a new one in front and run `manage.py rotate_encryption_key`.
"""

import base64
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

_PURPOSE = b"vertesia-aws-setup encryption at rest 1"


class NoKeyFits(Exception):
    """None of the configured keys decrypts a stored secret. Permanent until the settings change."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be decrypted: was ENCRYPTION_KEYS changed? "
            "Add the former key behind the new one, separated by a comma, and start again."
        )


if TYPE_CHECKING:
    BinaryField = models.BinaryField[bytes, bytes]
else:
    BinaryField = models.BinaryField  # generic only in the type stubs


class EncryptedField(BinaryField):
    """What `encrypt` made of a secret. `manage.py rotate_encryption_key` finds every such field by its type."""


def _derive_fernet(text: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(text.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def _keyring() -> MultiFernet:
    texts = [text.strip() for text in settings.ENCRYPTION_KEYS if text.strip()]
    if not texts:
        raise ImproperlyConfigured("ENCRYPTION_KEYS holds no key: secrets cannot be stored without one.")
    return MultiFernet([_derive_fernet(text) for text in texts])


def encrypt(clear: bytes) -> bytes:
    """`clear`, encrypted and authenticated with the newest key."""
    return _keyring().encrypt(clear)


def decrypt(encrypted: bytes) -> bytes:
    """What `encrypt` was given. Raises NoKeyFits where no configured key made `encrypted`."""
    try:
        return _keyring().decrypt(encrypted)
    except InvalidToken as error:
        raise NoKeyFits from error


def encrypt_again(encrypted: bytes) -> bytes:
    """The same secret under the newest key, whichever encrypted it before. Raises NoKeyFits."""
    try:
        return _keyring().rotate(encrypted)
    except InvalidToken as error:
        raise NoKeyFits from error
