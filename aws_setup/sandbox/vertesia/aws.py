"""AWS as Vertesia sees it: by HTTP. STS for an environment's credentials, then Bedrock's three listings.

Everything here blocks and belongs in a thread. Vertesia keeps its own time, this machine's.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from ministack.core import sigv4

TIMEOUT_SECONDS = 30
_CODE = re.compile(r"<Code>(.*?)</Code>")
_SIGNED_HEADERS = "host;x-amz-date;x-amz-security-token"


class AwsRefusal(Exception):
    """AWS said no, or nothing. The text is its error code: for the log, Vertesia tells nobody."""


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret: str = field(repr=False)
    session_token: str = field(repr=False)


def assume_role(aws_url: str, *, region: str, role_arn: str, session_name: str, token: str) -> Credentials:
    """One AssumeRoleWithWebIdentity at the region's STS, for AWS's usual hour. Raises AwsRefusal."""
    body = urlencode(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role_arn,
            "RoleSessionName": session_name,
            "WebIdentityToken": token,
        }
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer, _ = _send(aws_url, "POST", f"/region/{region}", body=body, headers=headers)
    if status != 200:
        found = _CODE.search(answer)
        raise AwsRefusal(found[1] if found else str(status))
    return Credentials(*(_element(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))


def list_summaries(
    aws_url: str, *, region: str, credentials: Credentials, path: str, name: str, now: float
) -> list[dict[str, Any]]:
    """One GET of Bedrock's without any parameter: the first page, under `name` in the answer. Raises AwsRefusal."""
    headers = _sign(path, host=urlsplit(aws_url).netloc, region=region, credentials=credentials, now=now)
    status, answer, code = _send(aws_url, "GET", path, headers=headers)
    if status != 200:
        raise AwsRefusal(code or str(status))
    found: list[dict[str, Any]] = json.loads(answer)[name]
    return found


def _send(
    aws_url: str, method: str, path: str, *, headers: dict[str, str], body: str | None = None
) -> tuple[int, str, str]:
    """Status, body and `x-amzn-errortype`."""
    parts = urlsplit(aws_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("x-amzn-errortype", "")
    except (OSError, http.client.HTTPException) as error:
        raise AwsRefusal(type(error).__name__) from error
    finally:
        connection.close()


def _sign(path: str, *, host: str, region: str, credentials: Credentials, now: float) -> dict[str, str]:
    """The headers of a signed GET: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html"""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    day = moment[:8]
    headers = {"host": host, "x-amz-date": moment, "x-amz-security-token": credentials.session_token}
    canonical = sigv4.build_canonical_request(
        "GET", path, headers, {}, _SIGNED_HEADERS, payload_hash=hashlib.sha256(b"").hexdigest()
    )
    to_sign = sigv4.build_string_to_sign(moment, day, region, "bedrock", canonical)
    signature = sigv4.calculate_signature(credentials.secret, day, region, "bedrock", to_sign)
    scope = f"{credentials.access_key_id}/{day}/{region}/bedrock/aws4_request"
    return headers | {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
    }


def _element(answer: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", answer)
    if found is None:
        raise AwsRefusal(f"an answer without {name}")
    return found[1]
