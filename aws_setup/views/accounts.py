"""Whose rights the worker has, where it may act, and what it needs for that."""

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import get_account
from aws_setup.account_forms import AccountRoleForm, DefaultsForm, ProvisioningPolicyForm
from aws_setup.accounts import NotAnAccount, add_account, change_defaults, request_check
from aws_setup.company_defaults import defaults_of
from aws_setup.models import Account, WorkerCaller
from aws_setup.policies import BOUNDARY_NEEDS_ROOM, has_room_of_its_own, provisioning_policy
from aws_setup.tags import format_tags
from aws_setup.views.frame import actor_of, explain_waiting
from config.http import HtmxRequest
from environments.access import may_administer

SECONDS_PER_HOUR = 3600


def accounts_context(*, now: datetime) -> dict[str, object]:
    """Who the worker is, in which accounts, as last checked; and whether a check is under way."""
    caller = WorkerCaller.objects.first()
    requested = caller.check_requested_at if caller else None
    checked = caller.checked_at if caller else None
    is_checking = requested is not None and (checked is None or checked < requested)
    return {
        "caller": caller,
        "accounts": list(Account.objects.all()),
        "is_checking": is_checking,
        "checking_since": requested,
        "worker_problem": explain_waiting(requested, now=now) if is_checking else None,
    }


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def accounts(request: HtmxRequest) -> HttpResponse:
    """The worker's own caller, and every account it may act in. Polls while a check is under way."""
    if not may_administer(request.user):
        return render(request, "aws_setup/accounts.html", {"caller": None, "accounts": []})
    context = accounts_context(now=timezone.now())
    return render(request, "aws_setup/_accounts.html" if request.htmx else "aws_setup/accounts.html", context)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Ask the worker who it is."""
    request_check(now=timezone.now())
    return redirect("accounts")


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Take up an account that the worker reaches by assuming a role in it."""
    form = AccountRoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account = add_account(**form.cleaned_data, actor=actor_of(request), now=timezone.now())
        except NotAnAccount as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)
        else:
            messages.success(request, f"Took up account {account.dashed_id}. The worker now tries the role.")
            return redirect("accounts")
    caller = WorkerCaller.objects.first()
    context = {"form": form, "caller": caller}
    return render(request, "aws_setup/account_add.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def defaults(request: HttpRequest, pk: int) -> HttpResponse:
    """What the company wants of every role in one account."""
    account = get_account(request.user, pk)
    initial = {
        "role_prefix": account.role_prefix,
        "role_path": account.role_path,
        "boundary_arn": account.boundary_arn,
        "extra_tags": format_tags(account.extra_tags),
        "max_session_hours": account.max_session_seconds // SECONDS_PER_HOUR,
    }
    form = DefaultsForm(request.POST or None, initial=initial, account=account)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        wanted["max_session_seconds"] = wanted.pop("max_session_hours") * SECONDS_PER_HOUR
        change_defaults(account, actor=actor_of(request), **wanted)
        messages.success(request, f"Stored the defaults for roles in {account.dashed_id}. Nothing in AWS was changed.")
        return redirect("account_defaults", pk=account.pk)
    standing = defaults_of(account)
    has_room = has_room_of_its_own(path=standing.path, prefix=standing.prefix)
    policy = {
        "account_id": account.account_id,
        "path": standing.path,
        "name_prefix": standing.prefix,
        "boundary_arn": standing.boundary_arn if has_room else "",
    }
    context = {
        "form": form,
        "account": account,
        "warning": BOUNDARY_NEEDS_ROOM if standing.boundary_arn and not has_room else "",
        "policy_query": urlencode(policy),
    }
    return render(request, "aws_setup/account_defaults.html", context, status=422 if form.errors else 200)


@require_safe
def provisioning_policy_page(request: HttpRequest) -> HttpResponse:
    """The least IAM policy this console needs in an account, to read, copy or download."""
    caller = WorkerCaller.objects.first()
    known = caller.account_id if caller else ""
    form = ProvisioningPolicyForm(request.GET or None, initial={"account_id": known, "path": "/"})
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    account_id = asked.get("account_id") or (known if not form.is_bound else "") or "*"
    account = Account.objects.filter(account_id=account_id).first()
    policy = provisioning_policy(
        partition=account.partition if account else "aws",
        account_id=account_id,
        path=asked.get("path") or "/",
        prefix=asked.get("name_prefix", ""),
        boundary_arn=asked.get("boundary_arn", ""),
        read_only=asked.get("read_only", False),
        removes_providers=asked.get("remove_providers", False),
    )
    if "download" in request.GET and not form.errors:
        name = "vertesia-aws-setup-read-only.json" if asked.get("read_only") else "vertesia-aws-setup.json"
        answer = JsonResponse(policy, json_dumps_params={"indent": 2})
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
    context = {
        "form": form,
        "policy": policy,
        "has_boundary": bool(asked.get("boundary_arn")),
        "is_read_only": bool(asked.get("read_only")),
        "query": request.GET.urlencode(),
    }
    return render(request, "aws_setup/provisioning_policy.html", context, status=422 if form.errors else 200)
