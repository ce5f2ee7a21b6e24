"""What AWS says when it refuses for a fault: codes, statuses and words of IAM and STS, and those of Bedrock.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aws_setup.sandbox.errors import AwsError, limit_exceeded
from aws_setup.sandbox.wire import AwsRequest

DENIALS = {
    "identity": "because no identity-based policy allows the {action} action",
    "boundary": "because no permissions boundary allows the {action} action",
    "session": "because no session policy allows the {action} action",
    "scp": "with an explicit deny in a service control policy",
    "rcp": "with an explicit deny in a resource control policy",
    "unstated": "",
}
"""What follows "User: … is not authorized to perform: …", by the layer that refuses.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""
_IAM_AND_STS = {
    "throttled": ("Throttling", "Rate exceeded", 400),
    "unavailable": (
        "ServiceUnavailable",
        "The request has failed due to a temporary failure of the server.",
        503,
    ),
    "internal_error": (
        "InternalFailure",
        "The request processing has failed because of an unknown error, exception or failure.",
        500,
    ),
    "concurrent_modification": (
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously. "
        "Wait a few minutes and submit your request again.",
        409,
    ),
}
_BEDROCK = {
    "throttled": ("ThrottlingException", "Too many requests, please wait before trying again.", 429),
    "unavailable": ("ServiceUnavailableException", "The service isn't currently available. Try again later.", 503),
    "internal_error": ("InternalServerException", "An internal server error occurred. Retry your request.", 500),
    # A list that a region does not offer: https://github.com/cartography-cncf/cartography/pull/2225
    "unknown_operation": ("ValidationException", "Unknown operation", 400),
    # An account that AWS has not cleared for Bedrock yet: https://github.com/langgenius/dify/issues/7488
    "operation_not_allowed": ("ValidationException", "Operation not allowed", 400),
}
_LIMITS = {
    "CreateRole": ("RolesPerAccount", 1000),
    "UpdateAssumeRolePolicy": ("ACLSizePerRole", 2048),
    "AttachRolePolicy": ("PoliciesPerRole", 10),
    "CreateOpenIDConnectProvider": ("OpenIdConnectProvidersPerAccount", 100),
    "AddClientIDToOpenIDConnectProvider": ("ClientIdsPerOpenIdConnectProvider", 100),
}
_SKEW = timedelta(hours=1)


def refusal(kind: str, *, service: str, action: str) -> AwsError:
    """The answer to one of `faults.REFUSING`."""
    if kind == "limit_exceeded":
        if action in _LIMITS:
            return limit_exceeded(*_LIMITS[action])
        words = (
            "The request was rejected because it attempted to create resources beyond the current AWS account limits."
        )
        return AwsError("LimitExceeded", words, 409)
    return AwsError(*(_BEDROCK if service == "bedrock" else _IAM_AND_STS)[kind])


def credentials_expired() -> AwsError:
    return AwsError("ExpiredToken", "The security token included in the request is expired", 403)


def clock_skewed(request: AwsRequest, *, service: str) -> AwsError:
    """As if AWS's clock were an hour ahead of the caller's: IAM and STS bear 15 minutes, Bedrock 5.

    https://github.com/aws/aws-cli/issues/6676
    """
    now = datetime.now(UTC) + _SKEW
    minutes = 5 if service == "bedrock" else 15
    earliest = now - timedelta(minutes=minutes)
    signed = request.headers.get("x-amz-date", "")
    return AwsError(
        "SignatureDoesNotMatch",
        f"Signature expired: {signed} is now earlier than {_stamp(earliest)} ({_stamp(now)} - {minutes} min.)",
        403,
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")
