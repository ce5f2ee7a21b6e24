"""Reading what a token says without believing it: no signature, date or audience is checked here."""

from typing import Any, NewType

import jwt

MAX_TOKEN_LENGTH = 32 * 1024
"""Characters. The whole token travels in one header, and servers accept less than this."""

UnverifiedToken = NewType("UnverifiedToken", str)
"""A token that somebody else signed and nobody here has checked."""


class UnreadableToken(ValueError):
    """The text is not a JSON Web Token. The message holds nothing of it."""


def read_unverified(token: UnverifiedToken) -> dict[str, Any]:
    """The claims of `token` as they stand in it, whoever wrote them: a hint, never a proof. Raises UnreadableToken."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise UnreadableToken(f"The token is longer than {MAX_TOKEN_LENGTH:,} characters.")
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError):
        # Not chained: PyJWT's own text may repeat parts of the token.
        raise UnreadableToken("The text is not a JSON Web Token.") from None


def read_header(token: UnverifiedToken) -> dict[str, Any]:
    """The header of `token` as it stands in it, `kid` among others. Raises UnreadableToken."""
    try:
        return dict(jwt.get_unverified_header(token))
    except (jwt.InvalidTokenError, RecursionError):
        raise UnreadableToken("The text is not a JSON Web Token.") from None
