"""A webhook that its receiver can tell from anybody else's, signed as Standard Webhooks says.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac

from aws_setup.notices.failures import NotDelivered
from environments.fetching import FetchFailed, Stage, post_json

SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""How long a symmetric secret may be: 192 to 512 bits."""
DEADLINE_SECONDS = 5.0
_REMEDY = " None is followed: name the final address in NOTIFY_WEBHOOK_URL."


class UnusableSecret(ValueError):
    """The secret is not one that Standard Webhooks knows. Its text is in no message."""


def read_secret(text: str) -> bytes:
    """The key in a secret as it is handed out: `whsec_` and base64 of 24 to 64 bytes. Raises UnusableSecret."""
    if not text.startswith(SECRET_PREFIX):
        raise UnusableSecret(f"It does not begin with {SECRET_PREFIX}.")
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableSecret(f"What follows {SECRET_PREFIX} is not base64.") from None
    if len(key) not in SECRET_BYTES:
        raise UnusableSecret(f"It is {len(key)} bytes long; 24 to 64 are allowed.")
    return key


def sign(key: bytes, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers that go with `body`. `timestamp`: of this try, in seconds since 1970."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def send_webhook(url: str, *, secret: str, message_id: str, timestamp: int, body: bytes, is_sandbox: bool) -> None:
    """Post `body`, signed. Raises NotDelivered unless a 2xx is answered in full within five seconds.

    The operator named the receiver, so it may stand in a private network. No redirect is followed.
    """
    try:
        headers = sign(read_secret(secret), message_id=message_id, timestamp=timestamp, body=body)
        answer = post_json(
            url,
            body,
            headers,
            allow_loopback=is_sandbox,
            allow_private=True,
            deadline_seconds=DEADLINE_SECONDS,
        )
    except UnusableSecret as error:
        raise NotDelivered(f"NOTIFY_WEBHOOK_SECRET cannot be used. {error}") from None
    except FetchFailed as error:
        remedy = _REMEDY if error.stage == Stage.REDIRECTED else ""
        raise NotDelivered(f"{error}{remedy}") from error
    if not 200 <= answer.status < 300:
        raise NotDelivered(f"The receiver answered {answer.status}; only a 2xx counts as delivered.")
