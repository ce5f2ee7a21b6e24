"""Which channels messages go to, as the environment variables say, and what is wrong with those."""

from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from aws_setup.notices.webhook import UnusableSecret, read_secret
from environments.destinations import Destination, DestinationRefused, read_destination

Channel = Literal["email", "webhook"]

MAKE_SECRET = (
    "python -c 'import base64, secrets; print(\"whsec_\" + base64.b64encode(secrets.token_bytes(32)).decode())'"
)


@dataclass(frozen=True)
class Fault:
    """A channel is half set, so nothing goes there. `code`: stable, of the system check."""

    code: str
    channel: Channel
    sentence: str
    remedy: str
    command: str = ""


def find_faults() -> list[Fault]:
    """What is wrong with the settings of notifications; nothing where they are right, or not set at all."""
    return [*_mail_faults(), *_webhook_faults()]


def usable_channels() -> list[Channel]:
    """The channels that messages go to: those that are set, and rightly so."""
    faulty = {fault.channel for fault in find_faults()}
    is_set: dict[Channel, bool] = {"email": bool(settings.NOTIFY_EMAILS), "webhook": bool(settings.NOTIFY_WEBHOOK_URL)}
    return [channel for channel, given in is_set.items() if given and channel not in faulty]


def webhook_host() -> str:
    """The host, and the port where one is named, of the webhook's address: the rest of it may be a secret.

    Empty where the address cannot be used.
    """
    try:
        return _read_receiver().authority
    except DestinationRefused:
        return ""


def _mail_faults() -> list[Fault]:
    addresses = settings.NOTIFY_EMAILS
    if not addresses:
        return []
    faults = []
    if not settings.HAS_MAIL_SERVER:
        faults.append(
            Fault(
                "console.W010",
                "email",
                "NOTIFY_EMAILS is set and EMAIL_URL is not: no mail is sent.",
                "Name the mail server: EMAIL_URL=smtp+tls://USER:PASSWORD@mail.example.com:587",
            )
        )
    if wrong := [address for address in addresses if not _is_address(address)]:
        faults.append(
            Fault(
                "console.W011",
                "email",
                f"NOTIFY_EMAILS holds what is no e-mail address: {', '.join(wrong)}. No mail is sent.",
                "Name addresses, separated by commas: NOTIFY_EMAILS=ops@example.com,security@example.com",
            )
        )
    return faults


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _webhook_faults() -> list[Fault]:
    if not settings.NOTIFY_WEBHOOK_URL:
        return []
    faults = []
    try:
        _read_receiver()
    except DestinationRefused as error:
        faults.append(
            Fault(
                "console.W012",
                "webhook",
                f"NOTIFY_WEBHOOK_URL is no https address that can be used: no webhook is sent. {error}",
                "Name the receiver as https://HOST/PATH. Only in the sandbox may it be http, on a loopback address "
                "with a port.",
            )
        )
    if not settings.NOTIFY_WEBHOOK_SECRET:
        faults.append(
            Fault(
                "console.W013",
                "webhook",
                "NOTIFY_WEBHOOK_URL is set and NOTIFY_WEBHOOK_SECRET is not: no webhook is sent, because nobody could "
                "tell that it is the console's.",
                "Make a secret, and give it to the receiver too.",
                MAKE_SECRET,
            )
        )
        return faults
    try:
        read_secret(settings.NOTIFY_WEBHOOK_SECRET)
    except UnusableSecret as error:
        faults.append(
            Fault(
                "console.W014",
                "webhook",
                f"NOTIFY_WEBHOOK_SECRET cannot be used: no webhook is sent. {error}",
                "Make a new one, and give it to the receiver too.",
                MAKE_SECRET,
            )
        )
    return faults


def _read_receiver() -> Destination:
    return read_destination(settings.NOTIFY_WEBHOOK_URL, allow_loopback=settings.AWS_SANDBOX, allow_private=True)
