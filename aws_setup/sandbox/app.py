"""The ASGI application: one request in, one AWS answer out, one line in the log."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from aws_setup.sandbox import agreements, bedrock, bedrock_runtime, control, iam, sts
from aws_setup.sandbox.callers import Caller, CredentialScope, credential_scope, identify
from aws_setup.sandbox.connections import Connection, Receive, Scope, Send
from aws_setup.sandbox.errors import AwsError, verification_key_unavailable
from aws_setup.sandbox.fault_meetings import Meeting, NoAnswer
from aws_setup.sandbox.incoming import is_addressed_here, read_request
from aws_setup.sandbox.parameters import Parameters
from aws_setup.sandbox.regions import region_of_endpoint
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, json_answer, json_error, query_answer, query_error

QUERY_SERVICES = ("iam", "sts")
UNSIGNED = "AssumeRoleWithWebIdentity"

logger = logging.getLogger("sandbox")


class Application:
    """Serves AWS calls, and the control interface under `/_sandbox/`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        if request is None:
            return
        if not is_addressed_here(request, scope):
            response = json_answer({"error": "the sandbox answers only to its own address"}, 403)
        elif request.raw_path.startswith(control.PREFIX):
            response = control.answer(request, self._state)
        else:
            connection = Connection(scope, receive)
            try:
                response = await self._answer_aws(request, connection)
            except NoAnswer:
                await connection.reset()
                return
            finally:
                connection.close()
        headers = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", str(len(response.body)).encode()),
            (b"date", self._state.clock.http_date().encode()),
            (b"x-amzn-requestid", request.request_id.encode()),
        ]
        if response.error_code and response.content_type == "application/json":
            headers.append((b"x-amzn-errortype", response.error_code.encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer_aws(self, request: AwsRequest, connection: Connection) -> AwsResponse:
        """Raises NoAnswer where the client is to get none."""
        started = time.perf_counter()
        call = _Call()
        outcome = "-"
        try:
            response = await self._perform(request, call, connection)
            outcome = f"{response.status} {response.error_code}".strip()
            if call.meeting is not None:
                await call.meeting.after()
        except NoAnswer as silence:
            outcome = f"{outcome} {silence}"
            raise
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000)
            action = call.action if call.action.isascii() and call.action.isalpha() else "-"
            logger.info("%s %s %s %dms %s", call.service, action, outcome, milliseconds, call.account_id)
        return response

    async def _perform(self, request: AwsRequest, call: _Call, connection: Connection) -> AwsResponse:
        try:
            return await self._route(request, call, connection)
        except AwsError as error:
            return _refusal(request, call.service, error)
        except NoAnswer:
            raise
        except Exception:
            logger.exception("%s %s failed", call.service, call.action)
            return _refusal(
                request, call.service, AwsError("InternalFailure", "The sandbox failed; its log says how.", 500)
            )

    async def _route(self, request: AwsRequest, call: _Call, connection: Connection) -> AwsResponse:
        endpoint = region_of_endpoint(request.raw_path)
        is_query = endpoint is not None and (request.method == "POST" or "Action" in request.query)
        call.service = "sts" if is_query else "bedrock"
        parameters = Parameters.of(request) if is_query else Parameters({})
        call.action = parameters.get("Action") or _bedrock_operation(request) or "-"
        if endpoint is not None and call.action == UNSIGNED:
            call.account_id = sts.account_of(parameters)
            if "x-amz-security-token" in request.headers:
                # AWS answers so: https://github.com/aws/aws-sdk-php/issues/1725
                raise verification_key_unavailable()
            await self._meet_fault(request, call, connection)
            result = await sts.assume_role_with_web_identity(parameters, state=self._state, region=endpoint)
            return query_answer(request, service="sts", action=UNSIGNED, result=result)
        scope = credential_scope(request)
        if scope is None:
            raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        call.service = scope.service
        caller = identify(request, self._state)
        call.account_id = caller.account_id
        self._state.regions.check_enabled(caller.account_id, scope.region)
        await self._meet_fault(request, call, connection)
        if call.meeting is not None:
            caller = replace(caller, denied_by=call.meeting.fault.layer)
        if scope.service == "bedrock" and not is_query:
            return self._bedrock(request, call.action, caller, scope)
        if scope.service not in QUERY_SERVICES or not is_query:
            call.service = "-"
            raise AwsError("InvalidAction", "The sandbox offers iam, sts and bedrock", 400)
        if scope.service == "iam":
            return await iam.answer(
                request, caller=caller, parameters=parameters, state=self._state, region=scope.region
            )
        if call.action == "GetCallerIdentity":
            result = sts.get_caller_identity(caller)
        elif call.action == "AssumeRole":
            result = sts.assume_role(parameters, caller=caller, state=self._state, region=scope.region)
        else:
            raise AwsError("InvalidAction", f"Could not find operation {call.action} for version 2011-06-15", 400)
        return query_answer(request, service="sts", action=call.action, result=result)

    async def _meet_fault(self, request: AwsRequest, call: _Call, connection: Connection) -> None:
        """Let the call meet a fault that concerns it. Raises AwsError, or NoAnswer, where it goes no further."""
        fault = self._state.faults.strike(service=call.service, action=call.action, account_id=call.account_id)
        if fault is not None:
            call.meeting = Meeting(fault, call.action, connection)
            await call.meeting.before(request, service=call.service)

    def _bedrock(self, request: AwsRequest, name: str, caller: Caller, scope: CredentialScope) -> AwsResponse:
        if bedrock_runtime.operation(request):
            return bedrock_runtime.answer(request, caller=caller, state=self._state, region=scope.region)
        if agreements.operation(request):
            return agreements.answer(request, name=name, caller=caller, state=self._state, region=scope.region)
        if bedrock.operation(request):
            return json_answer(
                bedrock.answer(request, name=name, caller=caller, state=self._state, region=scope.region)
            )
        raise AwsError("UnknownOperationException", "The sandbox does not offer this operation", 404)


class _Call:
    """What the log says of a call; filled in as it becomes known."""

    service = "-"
    action = "-"
    account_id = "-"
    meeting: Meeting | None = None


def _bedrock_operation(request: AwsRequest) -> str | None:
    return bedrock_runtime.operation(request) or agreements.operation(request) or bedrock.operation(request)


def _refusal(request: AwsRequest, service: str, error: AwsError) -> AwsResponse:
    if service == "bedrock":
        return json_error(error)
    return query_error(request, service=service, error=error)
