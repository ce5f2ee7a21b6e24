from typing import Any

import pytest
from django.utils import timezone

from environments.installation import prepare_installation
from environments.issuer.keys import make_signing_key
from environments.models import Environment, Installation, SigningKey
from tests.factories import EnvironmentFactory

KEY_VALUES = ("kid", "algorithm", "private_key_encrypted", "public_jwk", "is_signing")


@pytest.fixture(scope="session")
def made_once() -> dict[str, Any]:
    """The values of the signing key, once a test has made it: finding two primes takes longer than most tests."""
    return {}


@pytest.fixture
def signing_key(db: None, made_once: dict[str, Any]) -> SigningKey:
    """An RSA key as the first start makes it, the same in all tests."""
    if made_once:
        return SigningKey.objects.create(**made_once)
    key = make_signing_key()
    made_once.update({name: getattr(key, name) for name in KEY_VALUES})
    return key


@pytest.fixture
def environment(signing_key: SigningKey) -> Environment:
    """An environment whose tokens the built-in issuer signs."""
    return EnvironmentFactory()


@pytest.fixture
def installation(signing_key: SigningKey) -> Installation:
    """The console after its first start in the sandbox."""
    return prepare_installation(now=timezone.now())
