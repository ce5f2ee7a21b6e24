"""Where the real AWS and Vertesia are put behind their protocols. Only tasks and commands import this."""

from pathlib import Path

from django.conf import settings
from django.utils import timezone

from aws_setup.credentials import AccountAccess, AwsSessions
from aws_setup.gateway import AwsGateway
from aws_setup.models import Account, VertesiaAccess
from aws_setup.vertesia.clients import VertesiaClients
from environments.vertesia.client import VertesiaClient


def find_sandbox_url() -> str:
    """The address of the running sandbox, from SANDBOX_URL or the file it writes at its start; empty if none runs."""
    return str(settings.SANDBOX_URL) or _read_address(settings.SANDBOX_URL_FILE)


def find_local_vertesia_url() -> str:
    """The address of the sandbox's Vertesia, from the file it writes at its start; empty if none runs."""
    return _read_address(settings.SANDBOX_VERTESIA_URL_FILE)


def _read_address(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


SESSIONS = AwsSessions(find_sandbox_url=find_sandbox_url if settings.AWS_SANDBOX else None)
"""Kept for the life of the process: a warm worker builds its clients once."""


VERTESIA = VertesiaClients(find_local_url=find_local_vertesia_url, now=timezone.now)
"""Kept likewise, with the tokens that API keys were exchanged for."""


def open_vertesia(access: VertesiaAccess) -> VertesiaClient:
    """Vertesia's API with an organization's key; Blocked where the key cannot be used at all."""
    return VERTESIA.open(access)


def open_gateway(account: Account | None) -> AwsGateway:
    """The gateway into an account, or (None) with the worker's own credentials wherever they lead."""
    access = AccountAccess(role_arn=account.role_arn, external_id=account.external_id) if account else AccountAccess()
    return AwsGateway(SESSIONS.open(access))
