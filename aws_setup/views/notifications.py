"""Who is told of findings, whether that works, and what became of the last messages."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.models import Delivery, Notice
from aws_setup.notices.channels import MAKE_SECRET, find_faults, usable_channels, webhook_host
from aws_setup.notices.outbox import request_test
from aws_setup.views.frame import actor_of, explain_waiting
from config.http import HtmxRequest
from environments.access import may_administer

SHOWN = 20


def notifications_context(*, now: datetime) -> dict[str, object]:
    """What is set of each channel (never a secret), the last deliveries, and whether a test is under way."""
    test = Delivery.objects.filter(is_test=True, finished_at__isnull=True).last()
    faults = find_faults()
    return {
        "channels": usable_channels(),
        "mail_faults": [fault for fault in faults if fault.channel == "email"],
        "webhook_faults": [fault for fault in faults if fault.channel == "webhook"],
        "addresses": settings.NOTIFY_EMAILS,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "mail_server": settings.EMAIL_HOST,
        "webhook_host": webhook_host(),
        "make_secret": MAKE_SECRET,
        "group_seconds": settings.NOTICE_GROUP_SECONDS,
        "gathering": Notice.objects.count(),
        "deliveries": list(Delivery.objects.defer("body")[:SHOWN]),
        "is_testing": test is not None,
        "testing_since": test.created_at if test else None,
        "worker_problem": explain_waiting(test.created_at, now=now) if test else None,
    }


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def notifications(request: HtmxRequest) -> HttpResponse:
    """Both channels and the last deliveries. Polls while a test is under way."""
    context = notifications_context(now=timezone.now()) if may_administer(request.user) else {}
    page = "aws_setup/_notifications.html" if request.htmx else "aws_setup/notifications.html"
    return render(request, page, context)


@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    """Ask a worker to send a test to every channel."""
    if not request_test(actor=actor_of(request), now=timezone.now()):
        messages.error(request, "Nothing was sent: neither mail nor a webhook is set up.")
    return redirect("notifications")
