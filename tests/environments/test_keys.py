"""Signing keys at rest: what the database holds, and what happens when the keys that protect it change."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from joserfc.jwk import JWKRegistry
from pytest_django import Settings

from environments.issuer.keys import build_public_jwk, generate_private_key, load_private_key, make_signing_key
from environments.models import SigningKey
from environments.secrets import NoKeyFits, decrypt, encrypt


def read_everything_stored() -> bytes:
    """The row as the database returns it; with SQLite also the files as they lie on the disk."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM environments_signingkey")
        stored = b"".join(str(value).encode() if not isinstance(value, bytes) else value for value in cursor.fetchone())
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        stored += b"".join(path.read_bytes() for path in Path(name).parent.glob(f"{Path(name).name}*"))
    return stored


@pytest.mark.django_db(transaction=True)
def test_the_database_holds_no_private_byte() -> None:
    key = make_signing_key()

    private_key = load_private_key(key)
    assert isinstance(private_key, RSAPrivateKey)
    numbers = private_key.private_numbers()
    stored = read_everything_stored()
    assert key.kid.encode() in stored
    for secret in (numbers.d, numbers.p, numbers.q):
        assert secret.to_bytes(256, "big").lstrip(b"\0") not in stored
    assert private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) not in stored
    assert b"PRIVATE KEY" not in stored


def test_a_key_that_was_read_again_signs_the_same(signing_key: SigningKey) -> None:
    stored = SigningKey.objects.get()

    assert build_public_jwk(load_private_key(stored)) == stored.public_jwk


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_kid_is_the_thumbprint_that_another_library_computes(algorithm: str) -> None:
    jwk = build_public_jwk(generate_private_key(algorithm))

    assert JWKRegistry.import_key(jwk).thumbprint() == jwk["kid"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_public_key_has_no_private_member(algorithm: str) -> None:
    jwk = build_public_jwk(generate_private_key(algorithm))

    assert not set(jwk) & {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert (jwk["use"], jwk["alg"]) == ("sig", algorithm)


def test_an_rsa_key_has_at_least_2048_bits() -> None:
    private_key = generate_private_key("RS256")

    assert isinstance(private_key, RSAPrivateKey)
    assert private_key.key_size >= 2048


def test_other_algorithms_are_not_made() -> None:
    with pytest.raises(ValueError, match="RS256 or ES256, not with HS256"):
        generate_private_key("HS256")


def test_a_new_key_signs_and_the_former_stays(signing_key: SigningKey) -> None:
    newer = make_signing_key()

    assert list(SigningKey.objects.values_list("kid", "is_signing")) == [(newer.kid, True), (signing_key.kid, False)]


def test_the_database_refuses_two_signing_keys(signing_key: SigningKey) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.create(
            kid="other", algorithm="RS256", private_key_encrypted=b"", public_jwk={}, is_signing=True
        )


def test_another_encryption_key_is_told_in_a_sentence(db: None, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["one"]
    key = make_signing_key()
    settings.ENCRYPTION_KEYS = ["two"]

    with pytest.raises(NoKeyFits, match="was ENCRYPTION_KEYS changed"):
        load_private_key(key)


def test_a_former_encryption_key_still_decrypts(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    encrypted = encrypt(b"secret")
    settings.ENCRYPTION_KEYS = ["new", "old"]

    assert decrypt(encrypted) == b"secret"


def test_after_rotation_the_former_encryption_key_can_go(db: None, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    key = make_signing_key()
    settings.ENCRYPTION_KEYS = ["new", "old"]
    call_command("rotate_encryption_key")
    settings.ENCRYPTION_KEYS = ["new"]

    assert build_public_jwk(load_private_key(SigningKey.objects.get())) == key.public_jwk


def test_rotation_without_the_former_key_says_so_and_changes_nothing(db: None, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    before = bytes(make_signing_key().private_key_encrypted)
    settings.ENCRYPTION_KEYS = ["new"]

    with pytest.raises(CommandError, match="was ENCRYPTION_KEYS changed"):
        call_command("rotate_encryption_key")

    assert bytes(SigningKey.objects.get().private_key_encrypted) == before


@pytest.mark.parametrize("texts", [[], [""], [" ", ""]])
def test_an_empty_text_is_no_encryption_key(settings: Settings, texts: list[str]) -> None:
    settings.ENCRYPTION_KEYS = texts

    with pytest.raises(ImproperlyConfigured, match="holds no key"):
        encrypt(b"secret")


def test_a_trailing_comma_adds_no_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["one"]
    encrypted = encrypt(b"secret")
    settings.ENCRYPTION_KEYS = ["", " one "]

    assert decrypt(encrypted) == b"secret"
