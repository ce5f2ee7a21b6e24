"""One call that meets a fault: what happens to it before it would be performed, and after it was."""

from __future__ import annotations

from aws_setup.sandbox.connections import Connection
from aws_setup.sandbox.fault_meetings import NoAnswer
from aws_setup.sandbox.vertesia.errors import ApiError, SigningUnavailable, issuance_forbidden
from aws_setup.sandbox.vertesia.faults import HAPPENING, STATUSES, VertesiaFault

DEFAULT_RETRY_SECONDS = 1


class Meeting:
    """`fault` was counted already, and has happened where it is something that others do."""

    def __init__(self, fault: VertesiaFault, call: str, connection: Connection) -> None:
        self._fault = fault
        self._call = call
        self._connection = connection

    async def before(self) -> None:
        """Return where the call is to be performed; ApiError or NoAnswer where it is not."""
        kind = self._fault.kind
        if kind in HAPPENING or kind == "answer_lost":
            return
        if kind in STATUSES:
            raise self._refusal(kind)
        if kind == "forbidden":
            raise issuance_forbidden(self._fault.code) if self._fault.code else ApiError(403, "Forbidden")
        if kind != "slow":
            raise NoAnswer(kind)
        if not await self._connection.is_kept_until(self._fault.deleted, seconds=self._fault.seconds):
            raise NoAnswer("client_gone")

    def after(self) -> None:
        """NoAnswer where the answer is not to arrive."""
        if self._fault.kind == "answer_lost":
            raise NoAnswer(self._fault.kind)

    def _refusal(self, kind: str) -> ApiError:
        seconds = DEFAULT_RETRY_SECONDS if self._fault.retry_after is None else self._fault.retry_after
        if kind == "server_error":
            return ApiError(500, "Internal error")
        if kind == "unavailable" and self._call == "IssueToken":
            return SigningUnavailable(seconds)
        return ApiError(STATUSES[kind], "Try again later", retry_after=seconds)
