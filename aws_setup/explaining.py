"""From an error of the gateway to a Problem, for whatever the worker itself was doing."""

import os

from django.conf import settings

from aws_setup.diagnosis import ErrorFacts, Problem
from aws_setup.diagnosis.credentials import explain_credentials
from aws_setup.diagnosis.denials import explain_worker_denied
from aws_setup.diagnosis.worker import explain_busy, explain_refused, explain_unreachable
from aws_setup.gateway.errors import AwsBusy, AwsError, AwsRefused, AwsUnreachable, CredentialsProblem


def facts_of(error: AwsError) -> ErrorFacts:
    """What AWS said, without anything secret."""
    return ErrorFacts(
        operation=error.operation,
        code=error.code,
        message=error.message,
        request_id=error.request_id,
        clock_offset=error.clock_offset,
    )


def explain_worker_error(error: AwsError, *, caller_arn: str = "") -> Problem:
    """Why a call with the worker's own rights failed: no connection, credentials, rights, AWS busy, or a limit."""
    facts = facts_of(error)
    if isinstance(error, AwsUnreachable):
        return explain_unreachable(facts, is_sandbox=settings.AWS_SANDBOX)
    if isinstance(error, CredentialsProblem):
        profile = os.environ.get("AWS_PROFILE", "")
        return explain_credentials(facts, profile=profile, is_sandbox=settings.AWS_SANDBOX)
    if isinstance(error, AwsBusy):
        return explain_busy(facts)
    if isinstance(error, AwsRefused) and error.is_denied:
        if error.operation == "sts:AssumeRole" or "sts:AssumeRole" in error.message:
            return explain_credentials(facts)
        return explain_worker_denied(facts, caller_arn=caller_arn)
    return explain_refused(facts)
