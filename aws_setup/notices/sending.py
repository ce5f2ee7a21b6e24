"""Sending what is to be told, again and again for a day where nobody takes it."""

from datetime import datetime, timedelta

from django.conf import settings

from aws_setup.leases import LeaseLost, work_under_lease
from aws_setup.models import Clock, Delivery
from aws_setup.notices.channels import usable_channels
from aws_setup.notices.failures import NotDelivered
from aws_setup.notices.mail import send_mail
from aws_setup.notices.webhook import send_webhook

GIVE_UP_AFTER = timedelta(days=1)
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=2)


def next_pause(waited: timedelta) -> timedelta:
    """Growing pauses: 30 s at first, then as long as was waited already, two hours at most."""
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited))


def deliver(pk: int, *, clock: Clock) -> None:
    """Try a delivery once, where it is due and no other worker has it. The sweep comes back to what is left.

    It may be sent twice, where a worker dies in between or takes too long: then under the same id.
    """
    delivery = Delivery.objects.filter(pk=pk, finished_at__isnull=True).first()
    if delivery is None or not delivery.claim(clock=clock):
        return
    work_under_lease(
        delivery,
        advance=lambda: _try(delivery, clock),
        fail=lambda problem: _end(delivery, Delivery.State.FAILED, clock(), error=problem.sentence),
    )


def _try(delivery: Delivery, clock: Clock) -> None:
    try:
        _send(delivery, now=clock())
    except NotDelivered as failure:
        _put_off(delivery, failure.sentence, now=clock())
    else:
        _end(delivery, Delivery.State.SENT, clock(), tries=delivery.tries + 1, error="")


def _send(delivery: Delivery, *, now: datetime) -> None:
    if delivery.channel not in usable_channels():
        raise NotDelivered("This channel is not set up any more, or not rightly.")
    if delivery.channel == "email":
        send_mail(message_id=delivery.message_id.hex, subject=delivery.subject, body=delivery.body)
        return
    send_webhook(
        settings.NOTIFY_WEBHOOK_URL,
        secret=settings.NOTIFY_WEBHOOK_SECRET,
        message_id=f"msg_{delivery.message_id.hex}",
        timestamp=int(now.timestamp()),
        body=delivery.body.encode(),
        is_sandbox=settings.AWS_SANDBOX,
    )


def _put_off(delivery: Delivery, sentence: str, *, now: datetime) -> None:
    """Try again later; give up after a day, and at once where a person waits for the answer."""
    waited = now - (delivery.started_at or now)
    changes = {"tries": delivery.tries + 1, "error": sentence[:300]}
    if delivery.is_test or waited >= GIVE_UP_AFTER:
        _end(delivery, Delivery.State.FAILED, now, **changes)
    elif not delivery.wait_until(now + next_pause(waited), doing="Waiting to try again", **changes):
        raise LeaseLost


def _end(delivery: Delivery, state: Delivery.State, now: datetime, **changes: object) -> None:
    if not delivery.write(state=state, finished_at=now, lease_until=None, doing="", **changes):
        raise LeaseLost
