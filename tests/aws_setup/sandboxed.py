"""The services on a real sandbox process, and an issuer that publishes the console's own keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils import timezone
from pytest_django import Settings

from aws_setup.credentials import AccountAccess, AwsSessions
from aws_setup.gateway import AwsGateway
from aws_setup.models import Account
from aws_setup.policies import PolicyDocument
from environments.installation import prepare_installation
from environments.models import SigningKey
from tests.aws_setup.journeys import Console
from tests.fake_aws import Clock
from tests.sandbox.issuer import Issuer
from tests.sandbox.process import ACCOUNT, SandboxProcess


class Sandbox:
    """A sandbox process, an issuer, and sessions kept for as long as both live."""

    def __init__(self, process: SandboxProcess, issuer: Issuer) -> None:
        self.process, self.issuer = process, issuer
        self.sessions = AwsSessions(find_sandbox_url=lambda: process.url)

    def open(self, account: Account | None) -> AwsGateway:
        """As accounts.OpenGateway."""
        role_arn = account.role_arn if account else ""
        return AwsGateway(self.sessions.open(AccountAccess(role_arn=role_arn)))

    def allow(self, policy: PolicyDocument | None) -> None:
        """Give the console's user exactly this policy; None makes it an administrator again."""
        status, answer = self.process.control("POST", "caller_policy", {"policy": policy})
        assert status == 200, answer

    def reset(self) -> None:
        self.process.control("POST", "reset", {})

    def console(self, settings: Settings) -> Console:
        """A console after its first start, whose keys the issuer publishes. What IAM was told is seen at once."""
        self.reset()
        settings.ISSUER_URL = self.issuer.url
        settings.PROPAGATION_WINDOW_SECONDS = 0
        prepare_installation(now=timezone.now(), key_algorithm="ES256")
        self.issuer.jwks = {"keys": [key.public_jwk for key in SigningKey.objects.all()]}
        return Console(HomeAccount(), Clock(timezone.now()), open_gateway=self.open)


class HomeAccount:
    """What a Console asks of its AWS, where that is a process of its own."""

    caller_account = ACCOUNT

    def __init__(self) -> None:
        self.operations: list[str] = []


@contextmanager
def running_sandbox(directory: Path) -> Iterator[Sandbox]:
    process, issuer = SandboxProcess(directory, "--propagation", "0"), Issuer()
    try:
        yield Sandbox(process, issuer)
    finally:
        issuer.close()
        process.stop()
