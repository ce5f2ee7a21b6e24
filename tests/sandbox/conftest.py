"""One sandbox process per module, with propagation off; an issuer and a chain of trust per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.chain import Chain
from tests.sandbox.issuer import Issuer
from tests.sandbox.process import SandboxProcess
from tests.sandbox.vertesia import Vertesia

Refusal = tuple[str, str]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--propagation", "0")
    yield running
    running.stop()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture
def chain(sandbox: SandboxProcess, issuer: Issuer) -> Chain:
    return Chain(sandbox, issuer)


@pytest.fixture
def refusal() -> Callable[..., Refusal]:
    """Call something that must be refused: gives AWS's code and message."""

    def call(function: Callable[..., Any], *arguments: Any, **parameters: Any) -> Refusal:
        with pytest.raises(ClientError) as caught:
            function(*arguments, **parameters)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return call


@pytest.fixture
def vertesia(sandbox: SandboxProcess) -> Vertesia:
    """The first state, and a client with the administrator's key."""
    sandbox.control("POST", "reset")
    client = Vertesia(sandbox)
    client.exchange()
    return client
