"""One place through which every call to AWS goes: counted, timed, its errors classified."""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws_setup.credentials import AwsSession
from aws_setup.gateway.errors import classify


class Wire:
    """Calls AWS with one session. `calls` and `seconds` add up what went over it."""

    def __init__(self, session: AwsSession) -> None:
        self.session = session
        self.calls = 0
        self.seconds = 0.0

    def call(self, service: str, method: str, *, region: str = "", **request: Any) -> dict[str, Any]:
        """One call with the account's own credentials. Raises AwsError."""
        return self.call_with(self.open_client(service, region=region), method, **request)

    def open_client(self, service: str, *, region: str = "", is_unsigned: bool = False) -> Any:
        """A client with the account's own credentials, or with none; a broken configuration shows here, as AwsError."""
        try:
            if is_unsigned:
                return self.session.unsigned_client(service, region=region)
            return self.session.client(service, region=region)
        except BotoCoreError as error:
            raise classify(error, operation=service) from error

    def call_with(self, client: Any, method: str, **request: Any) -> dict[str, Any]:
        """One call with this client. Raises AwsError."""
        operation = f"{client.meta.service_model.service_name}:{client.meta.method_to_api_mapping[method]}"
        started = time.perf_counter()
        try:
            answer: dict[str, Any] = getattr(client, method)(**request)
        except (ClientError, BotoCoreError) as error:
            raise classify(error, operation=operation) from error
        finally:
            self.calls += 1
            self.seconds += time.perf_counter() - started
        return answer

    def pages(self, service: str, method: str, items: str, **request: Any) -> list[Any]:
        """All items of an IAM listing, however many pages it has."""
        found: list[Any] = []
        while True:
            answer = self.call(service, method, **request)
            found += answer[items]
            if not answer.get("IsTruncated"):
                return found
            request["Marker"] = answer["Marker"]
