"""Who gets in: single-use links printed on the machine that runs the console, and how often a password may be tried."""

import hashlib
import secrets
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import NewType
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from environments.history import Actor, record
from environments.models import SignInAttempt, SignInLink

LINK_LIFETIME = timedelta(minutes=15)
ATTEMPTS_ALLOWED = 5
ATTEMPT_WINDOW = timedelta(minutes=1)

LinkToken = NewType("LinkToken", str)
AttemptSource = NewType("AttemptSource", str)


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


def name_source(username: str, *, address: str) -> AttemptSource:
    """Whose attempts are counted together: a name, regardless of case, from an address."""
    return AttemptSource(_sha256(f"{username.casefold()}\n{address}"))


def may_attempt(source: AttemptSource, *, now: datetime) -> bool:
    """Count an attempt to sign in; False where ATTEMPTS_ALLOWED were made within ATTEMPT_WINDOW before.

    It is stored before the password is checked, and not in a transaction with the count, so that attempts made at
    the same moment see each other. A refused attempt is taken back: waiting for the window always helps.
    """
    SignInAttempt.objects.filter(at__lte=now - ATTEMPT_WINDOW).delete()
    attempt = SignInAttempt.objects.create(source_sha256=source, at=now)
    if SignInAttempt.objects.filter(source_sha256=source).count() <= ATTEMPTS_ALLOWED:
        return True
    attempt.delete()
    return False


def forget_attempts(source: AttemptSource) -> None:
    """Start counting anew, after the right password."""
    SignInAttempt.objects.filter(source_sha256=source).delete()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
