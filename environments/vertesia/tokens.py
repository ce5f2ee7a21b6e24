"""From an API key to the short-lived tokens that Vertesia's API takes. Neither is ever stored here, logged or shown."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from environments.issuer.unverified import UnreadableToken, UnverifiedToken, read_unverified
from environments.vertesia.answers import IssuedToken, TokenClaims, parse_claims, parse_issued_token
from environments.vertesia.errors import Operation, UnexpectedAnswer
from environments.vertesia.fields import WrongShape
from environments.vertesia.sites import Site
from environments.vertesia.wire import Wire

REFRESH_BEFORE = timedelta(seconds=60)
ASSUMED_SECONDS = 3600.0
"""How long a token holds that does not say so. Both as in Vertesia's own clients."""

_API_KEY = re.compile(r"sk-[!-~]{1,509}")

_EXCHANGE = Operation("exchange the API key for a token", brings_key=True)


class InvalidApiKey(ValueError):
    """The text cannot be an API key of Vertesia's. The message does not repeat it."""

    def __init__(self) -> None:
        super().__init__(
            "A Vertesia API key begins with sk- and holds no blanks. "
            "Copy it from Vertesia Studio, under Settings, API Keys, when it is made: it is shown only once."
        )


@dataclass(frozen=True, eq=False, repr=False)
class ApiKey:
    """A Vertesia API key, `sk-…`: a credential. Only `.value` shows it, and no queue can carry it.

    Raises InvalidApiKey for any other text. Length and characters are not documented: visible ASCII, 512 at most.
    """

    value: str

    def __post_init__(self) -> None:
        if not _API_KEY.fullmatch(self.value):
            raise InvalidApiKey

    def __repr__(self) -> str:
        return "<ApiKey>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An API key is a credential and is not to be sent to a queue.")


@dataclass(frozen=True, eq=False, repr=False)
class _Held:
    token: str
    claims: TokenClaims
    refresh_at: datetime


class TokenSource:
    """Tokens for one API key at one site, kept in memory until a minute before they run out. Safe between threads.

    Nothing is retried here: an error says whether, and after how long, trying again makes sense.
    """

    def __init__(self, site: Site, key: ApiKey, wire: Wire, *, now: Callable[[], datetime]) -> None:
        self._site = site
        self._key = key
        self._wire = wire
        self._now = now
        self._held: _Held | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<TokenSource of {self._site.token_service}>"

    def get_token(self) -> str:
        """A token that holds for a minute at least, by this machine's clock. Raises VertesiaError."""
        return self._hold().token

    def read_claims(self) -> TokenClaims:
        """What the present token says: whose key it is, and who signs at this site. Raises VertesiaError."""
        return self._hold().claims

    def forget(self, token: str) -> None:
        """Never give out `token` again, because Vertesia did not take it."""
        with self._lock:
            if self._held is not None and self._held.token == token:
                self._held = None

    def issue(self, operation: Operation, body: Mapping[str, Any]) -> IssuedToken:
        """Ask the token service with the API key itself, which it takes for every type of token; nothing is kept.

        https://docs.vertesiahq.com/api/auth-token. Raises VertesiaError.
        """
        document = self._wire.ask(
            operation, "POST", f"{self._site.token_service}/token/issue", bearer=self._key.value, body=body
        )
        try:
            return parse_issued_token(document)
        except WrongShape as error:
            raise _not_a_token(operation, error) from error

    def _hold(self) -> _Held:
        # The lock is held over the exchange: whoever else needs a token waits for this one.
        with self._lock:
            if self._held is None or self._now() >= self._held.refresh_at:
                self._held = None
                self._held = self._exchange()
            return self._held

    def _exchange(self) -> _Held:
        asked_at = self._now()
        # Key in header and body, as Vertesia's own Python client sends it.
        issued = self.issue(_EXCHANGE, {"type": "apikey", "key": self._key.value})
        try:
            claims = parse_claims(read_unverified(UnverifiedToken(issued.value)))
        except (WrongShape, UnreadableToken) as error:
            raise _not_a_token(_EXCHANGE, error) from error
        seconds = ASSUMED_SECONDS if issued.expires_in is None else min(max(issued.expires_in, 0.0), 24 * 3600.0)
        expires_at = claims.expires_at or asked_at + timedelta(seconds=seconds)
        return _Held(issued.value, claims, expires_at - REFRESH_BEFORE)


def _not_a_token(operation: Operation, error: ValueError) -> UnexpectedAnswer:
    sentence = f"Vertesia was asked to {operation.what}, and its answer is not as documented: {error}"
    return UnexpectedAnswer(f"{sentence.rstrip('.')}.", operation=operation, status=200)
