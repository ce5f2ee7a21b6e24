"""The local Vertesia's ASGI application: one request in, one JSON answer out, one line in the log."""

from __future__ import annotations

import json
import logging
import time

from aws_setup.sandbox.connections import Connection, Receive, Scope, Send
from aws_setup.sandbox.fault_meetings import NoAnswer
from aws_setup.sandbox.incoming import is_addressed_here, read_request
from aws_setup.sandbox.state import State
from aws_setup.sandbox.vertesia import token_service
from aws_setup.sandbox.vertesia.calls import Addresses, Call, bearer, identify
from aws_setup.sandbox.vertesia.errors import ApiError, missing_permission, not_found
from aws_setup.sandbox.vertesia.meetings import Meeting
from aws_setup.sandbox.vertesia.routes import TOKEN_SERVICE, Route, find_route
from aws_setup.sandbox.vertesia.schemas import check_version
from aws_setup.sandbox.wire import AwsRequest, Json

logger = logging.getLogger("sandbox")


class Application:
    """Token service and API. A call is logged by its name, its status and the reason why there was no answer."""

    def __init__(self, state: State, addresses: Addresses) -> None:
        self._state = state
        self._studio = state.vertesia
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        if request is None:
            return
        connection = Connection(scope, receive)
        try:
            status, body, headers = await self._answer(request, scope, connection)
        except NoAnswer:
            await connection.reset()
            return
        finally:
            connection.close()
        encoded = json.dumps(body).encode()
        headers |= {"content-type": "application/json; charset=utf-8", "content-length": str(len(encoded))}
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": encoded})

    async def _answer(
        self, request: AwsRequest, scope: Scope, connection: Connection
    ) -> tuple[int, Json, dict[str, str]]:
        """Status, body, headers. Raises NoAnswer where the client is to get none."""
        started = time.perf_counter()
        found = find_route(request)
        name = found[0].name if found else TOKEN_SERVICE.get((request.method, request.raw_path), "-")
        outcome = "-"
        try:
            if not is_addressed_here(request, scope):
                raise ApiError(403, "The sandbox answers only to its own address")
            meeting = self._meet_fault(request, name, found[1] if found else {}, connection)
            if meeting is not None:
                await meeting.before()
            body = await self._perform(request, name, found)
            outcome = "200"
            if meeting is not None:
                meeting.after()
            return 200, body, {}
        except ApiError as error:
            outcome = f"{error.status} {error.code}".strip()
            advice = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
            return error.status, error.body(), advice
        except NoAnswer as silence:
            outcome = f"{outcome} {silence}"
            raise
        except Exception:
            outcome = "500"
            logger.exception("vertesia %s failed", name)
            return 500, ApiError(500, "The sandbox failed; its log says how.").body(), {}
        finally:
            logger.info("vertesia %s %s %dms", name, outcome, round((time.perf_counter() - started) * 1000))

    def _meet_fault(
        self, request: AwsRequest, name: str, parts: dict[str, str], connection: Connection
    ) -> Meeting | None:
        fault = self._studio.faults.strike(name)
        if fault is None:
            return None
        if fault.kind == "environment_deleted":
            self._studio.environments.pop(parts.get("environment_id", ""), None)
        if fault.kind == "key_revoked":
            self._revoke_caller(request)
        self._state.changed()
        return Meeting(fault, name, connection)

    def _revoke_caller(self, request: AwsRequest) -> None:
        """The key of whoever calls, and what it got before; of nobody where that is not one of ours."""
        key = self._studio.find_key(bearer(request))
        if key is None:
            try:
                key = identify(request, studio=self._studio, addresses=self._addresses).key
            except ApiError:
                return
        key.is_enabled, key.are_tokens_refused = False, True

    async def _perform(self, request: AwsRequest, name: str, found: tuple[Route, dict[str, str]] | None) -> Json:
        if name == "GetDiscovery":
            return token_service.discovery(self._addresses)
        if name == "GetKeys":
            answer: Json = self._studio.signing.jwks()
        else:
            check_version(request)
            now = time.time()
            if name == "IssueToken":
                answer = token_service.issue_token(request, studio=self._studio, addresses=self._addresses, now=now)
            else:
                answer = await self._perform_call(request, found, now=now)
        self._state.changed()
        return answer

    async def _perform_call(
        self, request: AwsRequest, found: tuple[Route, dict[str, str]] | None, *, now: float
    ) -> Json:
        caller = identify(request, studio=self._studio, addresses=self._addresses)
        if found is None:
            raise not_found("Route")
        route, parts = found
        if route.permission and route.permission not in caller.permissions:
            raise missing_permission(route.permission)
        return await route.answer(Call(route.name, request, parts, caller, self._studio, self._addresses, now))
