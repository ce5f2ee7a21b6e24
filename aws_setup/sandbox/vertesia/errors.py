"""Refusals, with the bodies that Vertesia's OpenAPI document gives them."""

from __future__ import annotations

from http import HTTPStatus

from aws_setup.sandbox.wire import Json

FORBIDDEN_CODES = {
    "requested_scope_unavailable": "The requested scope is not available.",
    "no_accessible_account": "No account is accessible to this principal.",
    "restricted_environment": "This environment is restricted.",
    "token_issuance_forbidden": "Token issuance is forbidden.",
}
"""Of the token service: packages/common/src/sts-errors.ts. The sentences are the sandbox's own."""


class ApiError(Exception):
    """A refusal. `code` is the token service's `errorCode`; `retry_after` is in seconds."""

    def __init__(self, status: int, message: str, *, code: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after = retry_after

    def body(self) -> dict[str, Json]:
        """ErrorResponse, but for the token service's 403: IssueTokenForbiddenResponse."""
        text = HTTPStatus(self.status).phrase
        if self.code:
            return {"error": text, "message": self.message, "errorCode": self.code}
        return {"error": text, "status": self.status, "message": self.message}


class SigningUnavailable(ApiError):
    """The token service's 503: "Token signing temporarily unavailable. Retryable; honor Retry-After"."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(503, "Token signing temporarily unavailable", retry_after=retry_after)

    def body(self) -> dict[str, Json]:
        """IssueTokenUnavailableResponse."""
        return {"error": "Service Unavailable", "message": self.message}


def bad_request(message: str) -> ApiError:
    return ApiError(400, message)


def unauthorized(message: str) -> ApiError:
    return ApiError(401, message)


def missing_permission(name: str) -> ApiError:
    return ApiError(403, f"Missing permission: {name}")


def issuance_forbidden(code: str) -> ApiError:
    """What was asked for is deliberately neither identified nor confirmed."""
    return ApiError(403, FORBIDDEN_CODES[code], code=code)


def not_found(what: str) -> ApiError:
    return ApiError(404, f"{what} not found")
