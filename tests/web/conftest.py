"""A console after its first start, and somebody who is signed in."""

import pytest
from django.test import Client

from tests.web.wizard_rows import prepare, signed_in_client


@pytest.fixture
def client() -> Client:
    prepare()
    return signed_in_client()
