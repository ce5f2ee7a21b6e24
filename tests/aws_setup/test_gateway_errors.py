"""Errors are told apart by what mends them: time, a person's rights, credentials, a network."""

from typing import Any

import pytest
from botocore import exceptions as boto
from django.test import override_settings

from aws_setup.explaining import explain_worker_error
from aws_setup.gateway.errors import (
    AwsBusy,
    AwsError,
    AwsRefused,
    AwsUnreachable,
    CredentialsProblem,
    classify,
)


def answer(code: str, status: int = 400, message: str = "AWS's words") -> boto.ClientError:
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "req-1"},
        },
        "CreateRole",
    )


ANSWERS: list[tuple[boto.ClientError, type[AwsError]]] = [
    *((answer(code), AwsBusy) for code in ("Throttling", "ThrottlingException", "TooManyRequestsException")),
    *((answer(code), AwsBusy) for code in ("ConcurrentModification", "IDPCommunicationError", "ServiceFailure")),
    *((answer("Anything", status), AwsBusy) for status in (429, 500, 502, 503, 504)),
    *((answer(code, 403), CredentialsProblem) for code in ("ExpiredToken", "InvalidClientTokenId")),
    *((answer(code, 403), CredentialsProblem) for code in ("SignatureDoesNotMatch", "UnrecognizedClientException")),
    *((answer(code, 403), AwsRefused) for code in ("AccessDenied", "AccessDeniedException")),
    *((answer(code), AwsRefused) for code in ("NoSuchEntity", "EntityAlreadyExists", "LimitExceeded")),
    *((answer(code), AwsRefused) for code in ("MalformedPolicyDocument", "ExpiredTokenException")),
]


@pytest.mark.parametrize(("error", "expected"), ANSWERS, ids=lambda value: str(getattr(value, "response", "")))
def test_an_answer_is_classified_by_its_code_and_status(error: boto.ClientError, expected: type[AwsError]) -> None:
    found = classify(error, operation="iam:CreateRole")
    assert type(found) is expected
    assert found.is_transient is (expected is AwsBusy)
    assert (found.operation, found.request_id, found.message) == ("iam:CreateRole", "req-1", "AWS's words")


CLIENT_ERRORS: list[tuple[Exception, type[AwsError]]] = [
    (boto.ConnectTimeoutError(endpoint_url="https://iam"), AwsUnreachable),
    (boto.ReadTimeoutError(endpoint_url="https://iam"), AwsUnreachable),
    (boto.EndpointConnectionError(endpoint_url="https://iam"), AwsUnreachable),
    (boto.SSLError(endpoint_url="https://iam", error="bad certificate"), AwsUnreachable),
    (boto.ConnectionClosedError(endpoint_url="https://iam"), AwsUnreachable),
    (boto.NoCredentialsError(), CredentialsProblem),
    (boto.PartialCredentialsError(provider="env", cred_var="secret"), CredentialsProblem),
    (boto.ProfileNotFound(profile="acme"), CredentialsProblem),
    (boto.UnauthorizedSSOTokenError(), CredentialsProblem),
    (boto.SSOTokenLoadError(error_msg="no token"), CredentialsProblem),
    (boto.CredentialRetrievalError(provider="role", error_msg="no"), CredentialsProblem),
    (boto.NoRegionError(), AwsRefused),
    (boto.ParamValidationError(report="wrong"), AwsRefused),
]


@pytest.mark.parametrize(("error", "expected"), CLIENT_ERRORS, ids=lambda value: getattr(value, "__name__", ""))
def test_an_error_of_our_own_side_is_classified_by_its_class(error: Exception, expected: type[AwsError]) -> None:
    found = classify(error, operation="iam:CreateRole")
    assert type(found) is expected
    assert found.is_transient is (expected is AwsUnreachable)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (answer("Throttling"), "aws_busy"),
        (answer("InternalFailure", 500), "aws_busy"),
        (answer("AccessDenied", 403), "worker_denied"),
        (
            answer("AccessDenied", 403, "not authorized to perform: sts:AssumeRole on resource: x"),
            "role_not_assumable",
        ),
        (answer("InvalidClientTokenId", 403), "credentials_refused"),
        (answer("OpenIdIdpCommunicationError"), "issuer_unreachable_from_iam"),
        (answer("LimitExceeded", 409), "quota_exceeded"),
        (answer("NeverHeardOf"), "unknown"),
        (boto.EndpointConnectionError(endpoint_url="https://iam"), "aws_unreachable"),
        (boto.NoCredentialsError(), "no_credentials"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_class_of_error_ends_in_a_problem(error: Exception, code: str) -> None:
    with override_settings(AWS_SANDBOX=False):
        problem = explain_worker_error(classify(error, operation="iam:CreateRole"), caller_arn="arn:me")
    assert problem.code == code
    assert problem.remedy


def test_the_profile_in_use_stands_in_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "acme")
    error: Any = classify(boto.UnauthorizedSSOTokenError(), operation="sts:GetCallerIdentity")
    with override_settings(AWS_SANDBOX=False):
        assert explain_worker_error(error).command == "aws sso login --profile acme"
