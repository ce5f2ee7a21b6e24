"""From an error of the gateway to a Problem, for whatever the worker itself was doing."""

from django.conf import settings

from aws_setup.diagnosis import (
    ErrorFacts,
    Problem,
    explain_credentials,
    explain_unknown,
    explain_unreachable,
    explain_worker_denied,
)
from aws_setup.gateway.errors import AwsError, AwsRefused, AwsUnreachable, CredentialsProblem


def facts_of(error: AwsError) -> ErrorFacts:
    """What AWS said, without anything secret."""
    return ErrorFacts(operation=error.operation, code=error.code, message=error.message, request_id=error.request_id)


def explain_worker_error(error: AwsError, *, caller_arn: str = "") -> Problem:
    """Why a call with the worker's own rights failed: no connection, its credentials, its rights, or unknown."""
    facts = facts_of(error)
    if isinstance(error, AwsUnreachable):
        return explain_unreachable(facts, is_sandbox=settings.AWS_SANDBOX)
    if isinstance(error, CredentialsProblem):
        return explain_credentials(facts, is_sandbox=settings.AWS_SANDBOX)
    if isinstance(error, AwsRefused) and error.is_denied:
        if error.operation == "sts:AssumeRole" or "sts:AssumeRole" in error.message:
            return explain_credentials(facts)
        return explain_worker_denied(facts, caller_arn=caller_arn)
    return explain_unknown(facts)
