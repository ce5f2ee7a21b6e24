"""What can go wrong in a call to Vertesia, told apart by what mends it. Pure.

Statuses and codes: `ErrorResponse`, `IssueTokenForbiddenResponse` and `IssueTokenUnavailableResponse` of Vertesia's
OpenAPI document, and packages/common/src/sts-errors.ts of https://github.com/vertesia/composableai.
No message holds an API key or a token, even where Vertesia repeats one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from environments.vertesia.fields import clean_text

MAX_SHOWN = 300
"""Characters of Vertesia's own message that are repeated."""

_CREDENTIAL = re.compile(r"(?:sk|pk)-[A-Za-z0-9_+/=.~-]{4,}|eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*|(?i:bearer)\s+\S+")

KEY_REFUSALS = {
    "requested_scope_unavailable": "Vertesia does not give this API key the organization or project that was asked "
    "for. Make a key in the organization and project that you want to connect.",
    "no_accessible_account": "This API key leads to no organization: it or whoever made it has lost access. "
    "Make a new key as a member of the organization.",
    "restricted_environment": "This site of Vertesia is open to chosen people only. "
    "Choose the site where you sign in to Studio, or ask Vertesia for early access.",
    "token_issuance_forbidden": "Vertesia issues no tokens for this API key: it may be disabled or its role too small. "
    "Look at the key in Studio, or make a new one.",
}
"""A sentence for each errorCode of Vertesia's token service that is about the key."""

_KEY_UNKNOWN = (
    "Vertesia does not accept this API key: it may be mistyped, revoked, out of date or from another site. "
    "Make a new key in Studio, under Settings, API Keys, and enter it here."
)
_TOKEN_NOT_TAKEN = (
    "Vertesia no longer accepts the token that it issued for this API key. Try again; "
    "where that does not help, the key was revoked: make a new one in Studio, under Settings, API Keys."
)


@dataclass(frozen=True)
class Operation:
    """What is asked of Vertesia: `what` completes "Vertesia was asked to …"; `permission` is what it takes there.

    `brings_key`: the API key itself is sent, to the token service, and not a token made of it.
    """

    what: str
    permission: str = ""
    brings_key: bool = False


class VertesiaError(Exception):
    """A call that did not succeed. The text is for the person; `message` is Vertesia's own, without credentials.

    `status` is 0 without an answer. `retry_after`: seconds that Vertesia asks to wait; None where it names none.
    `may_have_been_done`: whether a write may have happened all the same, so that it is to be looked for before it is
    asked for again.
    """

    is_transient = False
    """Whether the same call may succeed later without anybody doing anything."""

    def __init__(
        self,
        sentence: str,
        *,
        operation: Operation,
        status: int = 0,
        code: str = "",
        message: str = "",
        retry_after: float | None = None,
        may_have_been_done: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.may_have_been_done = may_have_been_done


class KeyRefused(VertesiaError):
    """The API key, or a token issued for it, is not accepted. `code` is one of KEY_REFUSALS where Vertesia said it."""


class Forbidden(VertesiaError):
    """The key is accepted, and its role does not allow this."""


class EnvironmentTokenRefused(VertesiaError):
    """Vertesia issues no environment token to this key, as is to be expected: the proof goes another way."""


class NotFound(VertesiaError):
    """Not there, or not for this key to see."""


class Rejected(VertesiaError):
    """Vertesia understood who asks, and does not take the request as it is."""


class Busy(VertesiaError):
    """Vertesia was reached but could not do it now: too many requests, or an error of its own."""

    is_transient = True


class Unreachable(VertesiaError):
    """No whole answer: name resolution, connection, TLS or a time-out."""

    is_transient = True


class UnexpectedAnswer(VertesiaError):
    """An answer that is none of those Vertesia documents: no JSON, wrong types, too large, a redirect."""


def hide_credentials(text: str, *known: str) -> str:
    """`text` for people to read: without API keys and tokens, on one line, MAX_SHOWN characters at most."""
    for secret in known:
        text = text.replace(secret, "[hidden]")
    return clean_text(_CREDENTIAL.sub("[hidden]", text), MAX_SHOWN)


def classify_refusal(
    status: int, document: object, *, operation: Operation, retry_after: float | None, known_secrets: tuple[str, ...]
) -> VertesiaError:
    """The error that stands for an answer of `status` 400 or more; `document` is its JSON, None where it has none."""
    message = hide_credentials(_find_text(document, "message", "details", "error"), *known_secrets)
    code = hide_credentials(_find_text(document, "errorCode"), *known_secrets)
    cls, sentence = _judge(status, code, operation)
    if cls is Busy and retry_after is not None:
        sentence += f" It asks to wait {retry_after:.0f} seconds."
    elif cls is not KeyRefused and message:
        sentence += f" Vertesia says: “{message}”"
    return cls(
        sentence,
        operation=operation,
        status=status,
        code=code,
        message=message,
        retry_after=retry_after,
        may_have_been_done=status >= 500,
    )


def _judge(status: int, code: str, operation: Operation) -> tuple[type[VertesiaError], str]:
    if status == 403 and code in KEY_REFUSALS:
        return KeyRefused, KEY_REFUSALS[code]
    if status in (401, 403) and operation.brings_key:
        return KeyRefused, _KEY_UNKNOWN
    if status == 401:
        return KeyRefused, _TOKEN_NOT_TAKEN
    if status == 403:
        lacks = f": it lacks the permission {operation.permission}" if operation.permission else ""
        remedy = "Give the key's role that permission in Studio, or enter a key that has it."
        return Forbidden, f"Vertesia does not let this API key {operation.what}{lacks}. {remedy}"
    if status == 404:
        why = "it was deleted there, or this API key cannot see it."
        return NotFound, f"Vertesia was asked to {operation.what} and does not find it: {why}"
    if status in (408, 429) or status >= 500:
        return Busy, f"Vertesia could not {operation.what} just now (HTTP {status})."
    return Rejected, f"Vertesia refused to {operation.what} (HTTP {status})."


def _find_text(document: object, *names: str) -> str:
    if not isinstance(document, Mapping):
        return ""
    return next((value for name in names if isinstance(value := document.get(name), str) and value), "")
