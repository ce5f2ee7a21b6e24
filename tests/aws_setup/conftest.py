"""A console after its first start, beside an AWS in memory and a clock that passes when it is told to."""

from collections.abc import Iterator

import pytest

from aws_setup import hints
from environments.installation import prepare_installation
from environments.models import Environment
from tests.aws_setup.journeys import Console
from tests.aws_setup.sandboxed import Sandbox, running_sandbox
from tests.fake_aws import Clock, FakeAws


@pytest.fixture(autouse=True)
def _no_workers() -> Iterator[None]:
    """Nobody listens: these tests do the workers' part themselves."""
    with hints.suppressed():
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws(clock: Clock) -> FakeAws:
    return FakeAws(clock)


@pytest.fixture
def console(db: None, aws: FakeAws, clock: Clock) -> Console:
    prepare_installation(now=clock(), key_algorithm="ES256")
    return Console(aws, clock)


@pytest.fixture
def connected(console: Console) -> Environment:
    environment = console.environment(name="Marketing")
    console.connect(environment)
    return environment


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One process for all tests here; each resets it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running
