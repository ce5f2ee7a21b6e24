"""A console after its first start, beside a sandbox whose Vertesia has its first state."""

import pytest
from pytest_django import Settings

from tests.aws_setup.sandboxed import Sandbox
from tests.aws_setup.vertesia.scene import Scene


@pytest.fixture
def scene(db: None, sandbox: Sandbox, settings: Settings) -> Scene:
    return Scene(sandbox, sandbox.console(settings))
