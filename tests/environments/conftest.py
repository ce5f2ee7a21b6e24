import pytest
from django.utils import timezone

from environments.installation import prepare_installation
from environments.issuer.keys import make_signing_key
from environments.models import Environment, Installation, SigningKey
from tests.factories import EnvironmentFactory


@pytest.fixture
def signing_key(db: None) -> SigningKey:
    return make_signing_key()


@pytest.fixture
def environment(signing_key: SigningKey) -> Environment:
    """An environment whose tokens the built-in issuer signs."""
    return EnvironmentFactory()


@pytest.fixture
def installation(db: None) -> Installation:
    """The console after its first start in the sandbox."""
    return prepare_installation(now=timezone.now())
