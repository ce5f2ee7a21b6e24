"""What the sandbox refuses, with AWS's codes, statuses and words."""

from __future__ import annotations

VERIFICATION_KEY = (
    "Couldn't retrieve verification key from your identity provider,  "
    "please reference AssumeRoleWithWebIdentity documentation for requirements"
)
"""AWS writes two spaces after the comma."""


INVALID_TOKEN = "The security token included in the request is invalid."


class AwsError(Exception):
    """A refusal in AWS's words: `code` for programs, `message` for people, `status` for HTTP."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def role_not_found(name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)


def provider_not_found(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)


def limit_exceeded(quota: str, limit: int) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}", 409)


def malformed_policy(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)


def validation_error(problem: str) -> AwsError:
    """One violated constraint, worded as the query protocol words it."""
    return AwsError("ValidationError", f"1 validation error detected: {problem}")


def invalid_token(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)


def verification_key_unavailable() -> AwsError:
    """Discovery or JWKS could not be read, or hold no fitting key; AWS does not say which."""
    return invalid_token(VERIFICATION_KEY)


def web_identity_denied() -> AwsError:
    """The trust policy does not let this token in, or there is no such role; AWS does not say which."""
    return AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
