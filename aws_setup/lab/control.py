"""Telling the sandbox, a process of its own, over HTTP at its control address. For workers: no page calls it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from aws_setup.credentials import require_loopback

TIMEOUT_SECONDS = 5


class NoSandbox(RuntimeError):
    """There is no sandbox in this world, so there is nothing to break."""


class OrderRefused(ValueError):
    """The sandbox cannot do what it was told; the text is its own sentence."""


def require_sandbox() -> None:
    """Raises NoSandbox: whoever asks may be a message that no page sent."""
    if not settings.AWS_SANDBOX:
        raise NoSandbox("Breakages exist only in the sandbox.")


def tell_sandbox(sandbox_url: str, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST") -> None:
    """One order. Raises OrderRefused, and OSError where no sandbox answers."""
    request = urllib.request.Request(  # noqa: S310  loopback http only, see require_loopback
        f"{require_loopback(sandbox_url)}/_sandbox/{path}",
        data=json.dumps(body or {}).encode(),
        headers={"Content-Type": "application/json", "X-Sandbox-Control": "1"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  as above
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise OrderRefused(json.loads(error.read())["error"]) from error
