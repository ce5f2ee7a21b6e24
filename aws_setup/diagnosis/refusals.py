"""How far STS came with a token before it refused, by its own words. Pure.

STS looks for the provider of the token's `iss` first, then fetches the issuer's keys, then checks signature, times and
audience, then evaluates the role's trust
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
"""

from enum import StrEnum

from aws_setup.diagnosis import ErrorFacts


class Refusal(StrEnum):
    """At what it stopped."""

    NO_PROVIDER = "no_provider"
    NO_KEY = "no_key"
    THUMBPRINT = "thumbprint"
    CLOCK = "clock"
    AUDIENCE = "audience"
    TOKEN = "token"
    REGION_OFF = "region_off"
    SESSION_LENGTH = "session_length"
    NOT_AUTHORIZED = "not_authorized"
    UNKNOWN = "unknown"


_EXPIRED = ("ExpiredToken", "ExpiredTokenException")
_TIMES = ("token expired", "not yet valid", "must not be before")
"""What is said of a token's times; AWS publishes no words for one that is not valid yet."""


def read_refusal(error: ErrorFacts) -> Refusal:
    """What the words of a refused AssumeRoleWithWebIdentity say; NOT_AUTHORIZED stands for many things."""
    words = error.message.lower()
    found = (
        (Refusal.NO_PROVIDER, "no openidconnect provider found" in words),
        (Refusal.NO_KEY, "retrieve verification key" in words or error.code == "IDPCommunicationError"),
        (Refusal.THUMBPRINT, "thumbprint" in words),
        (Refusal.CLOCK, error.code in _EXPIRED or any(known in words for known in _TIMES)),
        (Refusal.AUDIENCE, "incorrect token audience" in words),
        (Refusal.TOKEN, error.code == "InvalidIdentityToken"),
        (Refusal.REGION_OFF, error.code == "RegionDisabledException"),
        (Refusal.SESSION_LENGTH, "durationseconds" in words),
        (Refusal.NOT_AUTHORIZED, error.code in ("AccessDenied", "AccessDeniedException")),
    )
    return next((refusal for refusal, is_it in found if is_it), Refusal.UNKNOWN)
