"""The gateway asks Bedrock as Vertesia's driver does, and goes on where the driver stops: seen from AWS's side."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aws_setup.credentials import AccountAccess, AwsSessions
from aws_setup.gateway import AwsGateway
from aws_setup.gateway.errors import AwsBusy

PROFILES = [{"inferenceProfileId": f"us.amazon.x{number}"} for number in range(7)]
PAGE = 3


class PagedBedrock:
    """Gives inference profiles three at a time, custom models not at all. `asked` are the paths as they came."""

    def __init__(self) -> None:
        bedrock = self
        self.asked: list[str] = []
        self.busy_after = 99

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bedrock.asked.append(self.path)
                start = int(parse_qs(urlsplit(self.path).query).get("nextToken", ["0"])[0])
                is_busy = start >= bedrock.busy_after
                body = json.dumps({"message": "Slow down"} if is_busy else bedrock.answer(self.path, start)).encode()
                self.send_response(429 if is_busy else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if is_busy:
                    self.send_header("x-amzn-ErrorType", "ThrottlingException")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @staticmethod
    def answer(path: str, start: int) -> dict[str, Any]:
        if not path.startswith("/inference-profiles"):
            return {"modelSummaries": []}
        more = {"nextToken": str(start + PAGE)} if start + PAGE < len(PROFILES) else {}
        return {"inferenceProfileSummaries": PROFILES[start : start + PAGE]} | more


@pytest.fixture
def bedrock() -> Iterator[PagedBedrock]:
    paged = PagedBedrock()
    thread = threading.Thread(target=paged.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield paged
    paged.server.shutdown()
    thread.join()
    paged.server.server_close()


@pytest.fixture
def gateway(bedrock: PagedBedrock) -> AwsGateway:
    return AwsGateway(AwsSessions(find_sandbox_url=lambda: bedrock.url).open(AccountAccess()))


def test_the_first_request_of_each_listing_is_the_drivers_and_the_further_pages_follow(
    bedrock: PagedBedrock, gateway: AwsGateway
) -> None:
    answers = gateway.list_models(None, region="us-east-1")
    assert bedrock.asked == [
        "/foundation-models",
        "/custom-models",
        "/inference-profiles",
        "/inference-profiles?nextToken=3",
        "/inference-profiles?nextToken=6",
    ]
    assert answers.inference_profiles == PROFILES
    assert answers.first_page == {"foundation_models": 0, "custom_models": 0, "inference_profiles": 3}


def test_a_later_page_that_fails_leaves_no_half_a_listing(bedrock: PagedBedrock, gateway: AwsGateway) -> None:
    bedrock.busy_after = 3
    answers = gateway.list_models(None, region="us-east-1")
    assert isinstance(answers.inference_profiles, AwsBusy)
    assert "inference_profiles" not in answers.first_page
