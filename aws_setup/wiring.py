"""Where the real AWS is put behind the protocol. Only tasks and commands import this."""

from django.conf import settings

from aws_setup.credentials import AccountAccess, AwsSessions
from aws_setup.gateway import AwsGateway
from aws_setup.models import Account


def find_sandbox_url() -> str:
    """The address of the running sandbox, from SANDBOX_URL or the file it writes at its start; empty if none runs."""
    if settings.SANDBOX_URL:
        return str(settings.SANDBOX_URL)
    try:
        return str(settings.SANDBOX_URL_FILE.read_text().strip())
    except FileNotFoundError:
        return ""


SESSIONS = AwsSessions(find_sandbox_url=find_sandbox_url if settings.AWS_SANDBOX else None)
"""Kept for the life of the process: a warm worker builds its clients once."""


def open_gateway(account: Account | None) -> AwsGateway:
    """The gateway into an account, or (None) with the worker's own credentials wherever they lead."""
    access = AccountAccess(role_arn=account.role_arn, external_id=account.external_id) if account else AccountAccess()
    return AwsGateway(SESSIONS.open(access))
