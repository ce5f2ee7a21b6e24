from collections.abc import Iterator

import pytest

from tests.environments.vertesia.servers import Scripted, scripted_vertesia


@pytest.fixture
def vertesia() -> Iterator[Scripted]:
    """A Vertesia on loopback that answers as it is told."""
    with scripted_vertesia() as scripted:
        yield scripted
