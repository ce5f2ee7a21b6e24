"""Breaking things on purpose, in the sandbox only, to see how the console notices and what it says."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from aws_setup.access import connections_for, get_connection
from aws_setup.lab.breakages import KINDS, RESET, request_breakage
from aws_setup.lab.faults import ANY, CLEAR, FAILURES, HISTORY, describe, request_fault
from aws_setup.lab.forms import FaultForm
from aws_setup.models import Connection
from aws_setup.views.frame import actor_of
from config.health import BROKER_SENTENCE
from environments.access import may_administer
from environments.models import Event

CONNECTIONS_SHOWN = 100
TOLD_SHOWN = 5


@require_http_methods(["GET", "HEAD", "POST"])
def sandbox(request: HttpRequest) -> HttpResponse:
    """One-click breakages for a connected environment, and the way back."""
    if not settings.AWS_SANDBOX:
        raise Http404
    if request.method == "POST":
        return _break(request)
    return _show(request, FaultForm())


@require_POST
def fail_on_purpose(request: HttpRequest) -> HttpResponse:
    """Let calls of the sandbox fail, or clear all that were told to."""
    if not settings.AWS_SANDBOX or not may_administer(request.user):
        raise Http404
    if CLEAR in request.POST:
        if not request_fault(CLEAR, call=ANY, account_id=ANY, times=0, actor=actor_of(request)):
            return _say_nothing_happened(request)
        messages.success(request, "All failures on purpose are being cleared.")
        return redirect("sandbox")
    form = FaultForm(request.POST)
    if not form.is_valid():
        return _show(request, form)
    chosen = form.cleaned_data
    failure, asked = (
        chosen["failure"],
        {"call": chosen["call"], "account_id": chosen["account"], "times": chosen["times"]},
    )
    if not request_fault(failure, **asked, actor=actor_of(request)):
        return _say_nothing_happened(request)
    messages.info(request, f"Asked for: {describe(failure, **asked)}. It is listed below once the sandbox knows it.")
    return redirect("sandbox")


def _show(request: HttpRequest, form: FaultForm) -> HttpResponse:
    connections = connections_for(request.user).exclude(role_arn="").select_related("environment__organization")
    listed = list(connections.order_by("environment__name", "pk")[:CONNECTIONS_SHOWN])
    wanted = request.GET.get("environment", "")
    chosen = next((one for one in listed if str(one.environment_id) == wanted), listed[0] if listed else None)
    context = {
        "connections": listed,
        "chosen": chosen,
        "breakages": KINDS.items(),
        "fault_form": form,
        "failures": FAILURES.values(),
        "told": Event.objects.filter(action__in=HISTORY).order_by("-at", "-pk")[:TOLD_SHOWN],
    }
    return render(request, "aws_setup/sandbox.html", context)


def _break(request: HttpRequest) -> HttpResponse:
    kind = request.POST.get("kind", "")
    if kind == RESET:
        if not may_administer(request.user):
            raise Http404
        if not request_breakage(RESET, connection=None, actor=actor_of(request), now=timezone.now()):
            return _say_nothing_happened(request)
        messages.success(request, "The sandbox AWS is being put back to how it was at first start.")
        return redirect("sandbox")
    pk = request.POST.get("environment", "")
    if kind not in KINDS or not pk.isdecimal() or len(pk) > 18:
        raise Http404
    connection: Connection = get_connection(request.user, environment_pk=int(pk))
    now = timezone.now()
    if not request_breakage(kind, connection=connection, actor=actor_of(request), now=now):
        return _say_nothing_happened(request)
    messages.info(request, f"{KINDS[kind].title}: asked for. The console looks again right after it.")
    return redirect(f"{connection.environment.get_absolute_url()}?since={int(now.timestamp())}")


def _say_nothing_happened(request: HttpRequest) -> HttpResponse:
    messages.error(request, f"Nothing was broken or put back, because no worker could be told. {BROKER_SENTENCE}")
    return redirect("sandbox")
