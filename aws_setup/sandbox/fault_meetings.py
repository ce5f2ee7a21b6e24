"""One call that meets a fault: what happens to it before it would be performed, and after it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_setup.sandbox.connections import Connection
from aws_setup.sandbox.errors import web_identity_denied
from aws_setup.sandbox.fault_refusals import clock_skewed, credentials_expired, refusal
from aws_setup.sandbox.faults import REFUSING, UNSIGNED_CALL, Fault, Holding
from aws_setup.sandbox.wire import AwsRequest


class NoAnswer(Exception):
    """The client gets none: its connection is to be aborted. The text says why, for the log."""


class Meeting:
    """`fault` was counted already."""

    def __init__(self, fault: Fault, action: str, connection: Connection) -> None:
        self.fault = fault
        self._action = action
        self._connection = connection

    async def before(self, request: AwsRequest, *, service: str) -> None:
        """Return where the call is to be performed; AwsError or NoAnswer where it is not."""
        kind = self.fault.kind
        if kind in REFUSING:
            raise refusal(kind, service=service, action=self._action)
        if kind == "credentials_expired":
            raise credentials_expired()
        if kind == "clock_skewed":
            raise clock_skewed(request, service=service)
        if kind == "denied" and self._action == UNSIGNED_CALL:
            raise web_identity_denied()
        if kind == "timeout":
            await self._is_kept()
            raise NoAnswer(kind)
        if kind == "reset_connection":
            raise NoAnswer(kind)
        if kind == "hold_before" and not await self._is_kept():
            raise NoAnswer("client_gone")

    async def after(self) -> None:
        """NoAnswer where the answer is not to arrive."""
        if self.fault.kind == "answer_lost":
            raise NoAnswer(self.fault.kind)
        if self.fault.kind == "hold_after" and not await self._is_kept():
            raise NoAnswer("client_gone")

    async def _is_kept(self) -> bool:
        with self._listed():
            return await self._connection.is_kept_until(self.fault.deleted, seconds=self.fault.seconds)

    @contextmanager
    def _listed(self) -> Iterator[None]:
        holding = Holding(self._action, self._connection.port)
        self.fault.holding.append(holding)
        try:
            yield
        finally:
            self.fault.holding.remove(holding)
