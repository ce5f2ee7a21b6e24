"""What is still to be told: findings as they are opened and closed, gathered until the window ends.

The first pending notice opens a window of NOTICE_GROUP_SECONDS. When it ends, everything pending goes into one message
per channel, so that what breaks together is told together.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from aws_setup import hints
from aws_setup.models import Delivery, Finding, Notice
from aws_setup.notices.channels import Channel, usable_channels
from aws_setup.notices.message import (
    Change,
    Kind,
    Message,
    merge_kinds,
    sort_changes,
    write_mail,
    write_test_mail,
    write_test_webhook,
    write_webhook,
)
from environments.history import CONSOLE, Actor, record

MOST_AT_ONCE = 5_000
"""How many notices go into one message at most; the next sweep makes another of the rest."""
KEPT = 100
"""How many deliveries that are over are kept; the findings they told of stand in the history."""


def note_finding(finding: Finding, *, kind: Notice.Kind, now: datetime) -> None:
    """Let it be told that the finding was opened or closed, in the transaction in which it was."""
    if usable_channels():
        Notice.objects.create(finding=finding, kind=kind, created_at=now)


def close_window(*, now: datetime) -> list[Delivery]:
    """Where the window of the first pending notice has ended, turn all that are pending into one message per channel.

    The deliveries that were made, due at once; none while the window is open. Two workers never tell the same twice.
    """
    ended = now - timedelta(seconds=settings.NOTICE_GROUP_SECONDS)
    if not Notice.objects.filter(created_at__lte=ended).exists():
        return []
    with transaction.atomic():
        pending = list(Notice.objects.select_for_update()[:MOST_AT_ONCE])
        return _tell(pending, now=now) if pending and pending[0].created_at <= ended else []


def request_test(*, actor: Actor, now: datetime) -> list[Channel]:
    """Ask a worker to send a test to every channel that is set; the channels. One that is under way already stays."""
    channels = usable_channels()
    if channels:
        record("notifications.tested", "Asked for a test of the notifications.", actor=actor)
    for channel in channels:
        try:
            with transaction.atomic():
                message = _write_test(channel, now=now)
                delivery = _make_delivery(channel, message, now=now, actor=actor, is_test=True)
        except IntegrityError:  # delivery_one_test_at_a_time
            continue
        hints.send(hints.DELIVER, delivery.pk)
    return channels


def _tell(pending: list[Notice], *, now: datetime) -> list[Delivery]:
    changes = _gather_changes(pending)
    made = [_make_delivery(channel, _write(channel, changes, now=now), now=now) for channel in usable_channels()]
    Notice.objects.filter(pk__in=[notice.pk for notice in pending]).delete()
    over = Delivery.objects.filter(finished_at__isnull=False)
    over.exclude(pk__in=list(over.values_list("pk", flat=True)[:KEPT])).delete()
    return made


def _gather_changes(pending: Iterable[Notice]) -> list[Change]:
    """One change per finding, in the order in which they are told."""
    kinds = defaultdict[int, set[str]](set)
    for notice in pending:
        kinds[notice.finding_id].add(notice.kind)
    findings = Finding.objects.select_related("connection__environment__organization").in_bulk(kinds)
    return sort_changes(_describe(findings[pk], merge_kinds(seen)) for pk, seen in kinds.items())


def _describe(finding: Finding, kind: Kind) -> Change:
    environment = finding.connection.environment
    problem = finding.problem
    return Change(
        kind=kind,
        environment_name=environment.name,
        environment_id=environment.environment_id,
        organization_name=environment.organization.name,
        organization_id=environment.organization.organization_id,
        code=finding.code,
        severity=problem.get("severity") or "",
        sentence=problem["sentence"],
        why=problem.get("why") or "",
        remedy=problem.get("remedy") or "",
        opened_at=finding.opened_at,
        closed_at=finding.closed_at,
        url=settings.PUBLIC_URL + environment.get_absolute_url(),
    )


def _write(channel: Channel, changes: list[Change], *, now: datetime) -> Message:
    if channel == "email":
        return write_mail(changes, public_url=settings.PUBLIC_URL)
    return write_webhook(changes, now=now)


def _write_test(channel: Channel, *, now: datetime) -> Message:
    if channel == "email":
        return write_test_mail(public_url=settings.PUBLIC_URL)
    return write_test_webhook(public_url=settings.PUBLIC_URL, now=now)


def _make_delivery(
    channel: Channel, message: Message, *, now: datetime, actor: Actor = CONSOLE, is_test: bool = False
) -> Delivery:
    return Delivery.objects.create(
        channel=channel,
        is_test=is_test,
        subject=message.subject,
        body=message.body,
        actor=actor,
        next_attempt_at=now,
    )
