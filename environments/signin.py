"""Who gets in: single-use links printed on the machine that runs the console, and how often a password may be tried."""

import hashlib
import ipaddress
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NewType
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.urls import reverse

from environments.history import Actor, record
from environments.models import SignInAttempt, SignInLink

LINK_LIFETIME = timedelta(minutes=15)
ATTEMPTS_ALLOWED = 5
ATTEMPTS_ALLOWED_PER_ADDRESS = 20
ATTEMPTS_ALLOWED_PER_NAME = 20
ATTEMPT_WINDOW = timedelta(minutes=1)

# A check of a password keeps a processor busy for some tenths of a second, and the threads of a web process also serve
# the issuer's keys, which AWS gives up on after five seconds.
PASSWORD_CHECKS_AT_ONCE = 2
PASSWORD_CHECK_WAIT = timedelta(seconds=0.2)
_password_checks = threading.BoundedSemaphore(PASSWORD_CHECKS_AT_ONCE)

LinkToken = NewType("LinkToken", str)
AttemptSource = NewType("AttemptSource", str)


class TooBusy(Exception):
    """As many passwords are being checked in this process as may be at once."""


@dataclass(frozen=True)
class Attempt:
    """One try to sign in: the name as it will be looked up, and the address that it comes from."""

    name: str
    address: str

    @property
    def source(self) -> AttemptSource:
        """This name, regardless of case, from this address."""
        return AttemptSource(_sha256(f"both {_network_of(self.address)}\n{self.name.casefold()}"))

    @property
    def limits(self) -> dict[AttemptSource, int]:
        """What it counts towards, and how many of each are allowed within ATTEMPT_WINDOW.

        By address alone, because made-up names cost as much as real ones; by name alone, because addresses are cheap.
        """
        return {
            AttemptSource(_sha256(f"address {_network_of(self.address)}")): ATTEMPTS_ALLOWED_PER_ADDRESS,
            AttemptSource(_sha256(f"name {self.name.casefold()}")): ATTEMPTS_ALLOWED_PER_NAME,
            self.source: ATTEMPTS_ALLOWED,
        }


def make_link(*, created_by: Actor, now: datetime) -> str:
    """A link under PUBLIC_URL that lets one person in, once, within LINK_LIFETIME. Only its SHA-256 is stored.

    The token stands in the query, not in the path: paths are logged where something goes wrong, queries are not.
    """
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(token_sha256=_sha256(token), expires_at=now + LINK_LIFETIME, created_by=created_by)
    return f"{settings.PUBLIC_URL}{reverse('sign_in_link')}?{urlencode({'token': token})}"


def name_link_command() -> str:
    """The command that makes another link, as typed in the console's directory, with the Python that runs it."""
    python = Path(sys.executable)
    is_ours = python.is_relative_to(settings.BASE_DIR)
    return f"{python.relative_to(settings.BASE_DIR) if is_ours else 'python'} manage.py signin_link"


def find_link(token: str, *, now: datetime) -> SignInLink | None:
    """The link of this token; None where it never was, was used or has run out."""
    return SignInLink.objects.filter(token_sha256=_sha256(token), used_at__isnull=True, expires_at__gt=now).first()


@transaction.atomic
def use_link(link: SignInLink, *, username: str, password: str, now: datetime) -> User | None:
    """Use the link up: make `username` an administrator with this password, or give an existing one the password.

    None where somebody else used the link first or it ran out meanwhile. The caller says before that an existing
    person's password is replaced.
    """
    if not link.use(now=now):
        return None
    person = User.objects.filter(username=username).first() or User(username=username)
    is_new = person.pk is None
    person.is_active = person.is_staff = person.is_superuser = True
    person.set_password(password)
    person.save()
    did = "became an administrator" if is_new else "was given a new password"
    record(
        "person.added" if is_new else "person.password_changed",
        f"{username} {did} through a sign-in link of {link.created_by}.",
        actor=Actor(username),
        data={"link": link.pk},
    )
    return person


def record_sign_in(person: User) -> None:
    """Add `person.signed_in` to the history."""
    record("person.signed_in", f"{person.get_username()} signed in.", actor=Actor(person.get_username()))


def may_attempt(attempt: Attempt, *, now: datetime) -> bool:
    """Count an attempt to sign in; False where one of its limits was reached within ATTEMPT_WINDOW before.

    It is stored before the password is checked, and not in a transaction with the count, so that attempts made at
    the same moment see each other. A refused attempt is not kept: waiting for the window always helps, and a flood
    costs one query a try.
    """
    limits = attempt.limits
    if _is_reached(limits, now=now, including_this=False):
        return False
    SignInAttempt.objects.filter(at__lte=now - ATTEMPT_WINDOW).delete()
    stored = SignInAttempt.objects.bulk_create(SignInAttempt(source_sha256=source, at=now) for source in limits)
    if _is_reached(limits, now=now, including_this=True):
        SignInAttempt.objects.filter(pk__in=[row.pk for row in stored]).delete()
        return False
    return True


def _is_reached(limits: dict[AttemptSource, int], *, now: datetime, including_this: bool) -> bool:
    recent = SignInAttempt.objects.filter(source_sha256__in=limits, at__gt=now - ATTEMPT_WINDOW)
    made = recent.order_by().values_list("source_sha256").annotate(number=models.Count("id"))
    return any(number - including_this >= limits[AttemptSource(source)] for source, number in made)


def forget_attempts(attempt: Attempt) -> None:
    """Start counting this name from this address anew, after the right password.

    Not the address alone: whoever has a password of their own could go on trying others'.
    """
    SignInAttempt.objects.filter(source_sha256=attempt.source).delete()


@contextmanager
def checking_password() -> Iterator[None]:
    """Be one of the PASSWORD_CHECKS_AT_ONCE of this process. Raises TooBusy after PASSWORD_CHECK_WAIT."""
    if not _password_checks.acquire(timeout=PASSWORD_CHECK_WAIT.total_seconds()):
        raise TooBusy
    try:
        yield
    finally:
        _password_checks.release()


def _network_of(address: str) -> str:
    """The address, and of IPv6 the first 64 bits: a single customer has all the rest to choose from (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
