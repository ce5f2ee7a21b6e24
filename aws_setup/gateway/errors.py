"""What can go wrong in a call to AWS, told apart by what mends it.

Classified by botocore's exception classes and AWS's error codes
(https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and each operation's own page).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import exceptions as boto

THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
}
TRANSIENT = {
    "ConcurrentModification",
    "ConcurrentModificationException",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "InternalServerException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}
EXPIRED = {"ExpiredToken", "RequestExpired"}
BAD_CREDENTIALS = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "AuthFailure"}
ALREADY_THERE = {"EntityAlreadyExists", "EntityAlreadyExistsException"}
NOT_FOUND = {"NoSuchEntity", "NoSuchEntityException"}
OWN_THING_MISSING = ("the role with name", "openidconnect provider not found")
"""How IAM begins to say that it does not know a role or provider, rather than a policy that was named."""
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class AwsError(Exception):
    """A call that did not succeed. `operation` is as in `iam:CreateRole`; `request_id` finds it in CloudTrail.

    `clock_offset`: how many seconds AWS's clock was ahead of ours, by the Date of its answer; None without an answer.
    """

    is_transient = False
    """Whether the same call may succeed later without anybody doing anything."""

    def __init__(
        self, message: str, *, operation: str, code: str, request_id: str = "", clock_offset: int | None = None
    ) -> None:
        super().__init__(f"{operation}: {code}: {message}" if code else f"{operation}: {message}")
        self.message = message
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.clock_offset = clock_offset

    @property
    def is_already_there(self) -> bool:
        """Whether a creation failed because the thing exists."""
        return self.code in ALREADY_THERE

    @property
    def may_be_late(self) -> bool:
        """Whether IAM may say so only because it does not show a write of a moment ago everywhere yet."""
        is_missing = self.code in NOT_FOUND and self.message.lower().startswith(OWN_THING_MISSING)
        return is_missing or self.code in ("DeleteConflict", "DeleteConflictException")


class AwsRefused(AwsError):
    """AWS answered no, and will answer no again."""

    @property
    def is_denied(self) -> bool:
        """Whether it was for lack of rights."""
        return self.code in DENIED


class AwsBusy(AwsError):
    """AWS was reached but could not do it now: throttling, a concurrent change, an error of its own."""

    is_transient = True


class AwsUnreachable(AwsError):
    """No answer: name resolution, connection, TLS or a time-out."""

    is_transient = True


class CredentialsProblem(AwsError):
    """The worker's own credentials are missing, wrong or ran out. `code` says which."""


def classify(error: Exception, *, operation: str) -> AwsError:
    """The AwsError that stands for a botocore exception."""
    if isinstance(error, boto.ClientError):
        return _classify_answer(error, operation=operation)
    if isinstance(error, boto.ConnectTimeoutError | boto.ReadTimeoutError):
        return AwsUnreachable("No answer in time.", operation=operation, code=type(error).__name__)
    if isinstance(error, boto.NoRegionError):
        return AwsRefused("No region is set.", operation=operation, code="NoRegion")
    credential_errors = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.ProfileNotFound,
        boto.SSOError,
        boto.TokenRetrievalError,
        boto.UnauthorizedSSOTokenError,
        boto.RefreshWithMFAUnsupportedError,
        boto.InvalidConfigError,
        boto.ConfigParseError,
    )
    if isinstance(error, credential_errors):
        return CredentialsProblem(str(error), operation=operation, code=type(error).__name__)
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return AwsUnreachable(str(error), operation=operation, code=type(error).__name__)
    return AwsRefused(str(error), operation=operation, code=type(error).__name__)


def _classify_answer(error: boto.ClientError, *, operation: str) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    metadata = error.response.get("ResponseMetadata", {})
    request_id = str(metadata.get("RequestId", ""))
    status = int(metadata.get("HTTPStatusCode", 0))
    cls: type[AwsError]
    if code in THROTTLED or code in TRANSIENT or status >= 500 or status == 429:
        cls = AwsBusy
    elif code in EXPIRED or code in BAD_CREDENTIALS:
        cls = CredentialsProblem
    else:
        cls = AwsRefused
    return cls(message, operation=operation, code=code, request_id=request_id, clock_offset=_clock_offset(metadata))


def _clock_offset(metadata: Mapping[str, Any]) -> int | None:
    """Whole seconds by which the Date header of an answer is ahead of this machine's clock."""
    try:
        answered_at = parsedate_to_datetime(metadata.get("HTTPHeaders", {}).get("date", ""))
    except ValueError:
        return None
    return round((answered_at - datetime.now(UTC)).total_seconds())
