"""Connecting an environment, one step at a time: environment, AWS account, permissions. Each is a URL of a draft."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import connections_for, drafts_for, get_draft
from aws_setup.accounts import request_check
from aws_setup.drafting import free_role_name, request_plan, save_answers, start_draft, unfinished_drafts
from aws_setup.forms import AccountForm, EnvironmentForm, PermissionsForm
from aws_setup.models import Account, Draft, Run, WorkerCaller
from aws_setup.policies import full_access_policy_arn, invoke_policy
from aws_setup.regions import BEDROCK_REGIONS
from aws_setup.tags import format_tags
from aws_setup.views.accounts import accounts_context
from aws_setup.views.frame import actor_of, build_steps, draft_context, environment_of, signed_in
from config.http import HtmxRequest
from environments.access import environments_for, get_environment
from environments.installation import default_issuer
from environments.models import Environment, Provider, Status
from environments.registry import NotRegistered, correct_environment, register_environment

CHOICES_SHOWN = 12
CHECK_AGAIN_AFTER = timedelta(minutes=10)


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    """Start: pick one of the environments that are known and not connected, or go on to type another's ids."""
    if request.method == "POST":
        pk = request.POST.get("environment", "")
        if not pk.isdecimal() or len(pk) > 18:
            messages.error(request, "Choose an environment first.")
            return redirect("connect")
        return _start(request, get_environment(request.user, int(pk)))
    free = environments_for(request.user).filter(
        provider=Provider.BEDROCK, status__in=[Status.NOT_CONNECTED, Status.DISCONNECTED]
    )
    drafts = unfinished_drafts(drafts_for(request.user).filter(owner=signed_in(request)))
    drafts = drafts.filter(purpose=Draft.Purpose.CONNECT)
    free = free.exclude(pk__in=drafts.values("environment_id"))
    choices = list(free.select_related("organization").order_by("name", "id")[: CHOICES_SHOWN + 1])
    if not choices and not drafts.exists():
        return redirect("connect_new")
    context = {
        "choices": choices[:CHOICES_SHOWN],
        "has_more": len(choices) > CHOICES_SHOWN,
        "drafts": drafts.select_related("environment")[:5],
        "steps": build_steps(None, current="environment"),
    }
    return render(request, "wizard/connect.html", context)


def _start(request: HttpRequest, environment: Environment) -> HttpResponse:
    """Begin, or go on with, the draft of one environment; elsewhere where it is connected already or never can be."""
    if not environment.is_connectable:
        messages.error(request, f"{environment.name} has provider {environment.get_provider_display()}: no AWS role.")
        return redirect(environment)
    live = Run.objects.filter(connection__environment=environment, finished_at__isnull=True).first()
    if live is not None:
        return redirect("run", pk=live.pk)
    if connections_for(request.user).filter(environment=environment).exclude(role_arn="").exists():
        messages.info(request, f"{environment.name} is set up already. Choose Change to agree on something else.")
        return redirect(environment)
    draft = start_draft(
        owner=signed_in(request), environment=environment, purpose=Draft.Purpose.CONNECT, actor=actor_of(request)
    )
    return redirect("draft_account" if environment.endpoint_url else "draft_environment", pk=draft.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def connect_new(request: HttpRequest) -> HttpResponse:
    """Step one for an environment that is not known here: four fields, each saying where Studio shows its value."""
    form = EnvironmentForm(request.POST or None, initial={"issuer": default_issuer()})
    if request.method == "POST" and form.is_valid():
        answers = form.cleaned_data
        try:
            environment = register_environment(
                organization_name=answers["organization_name"],
                organization_id=answers["organization_id"],
                issuer=answers["issuer"],
                environment_id=answers["environment_id"],
                name=answers["name"],
                region=answers["region"],
                provider=answers["provider"],
                actor=actor_of(request),
            )
        except NotRegistered as refusal:
            form.add_refusal(refusal)
        else:
            return _start(request, environment)
    context = {"form": form, "steps": build_steps(None, current="environment"), "regions": BEDROCK_REGIONS}
    return render(request, "wizard/environment.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def draft_environment(request: HttpRequest, pk: int) -> HttpResponse:
    """Step one again: put right what was typed. Once AWS holds something, ids and region change by a plan instead."""
    draft = get_draft(request.user, pk)
    environment = environment_of(draft)
    if draft.purpose != Draft.Purpose.CONNECT:
        return redirect("draft_review", pk=draft.pk)
    live = Run.objects.filter(connection__environment=environment, finished_at__isnull=True).first()
    if live is not None:
        return redirect("run", pk=live.pk)
    is_fixed = connections_for(request.user).filter(environment=environment).exclude(role_arn="").exists()
    organization = environment.organization
    initial = {
        "organization_id": organization.organization_id,
        "organization_name": organization.name,
        "environment_id": environment.environment_id,
        "name": environment.name,
        "region": environment.endpoint_url,
        "issuer": organization.issuer,
        "provider": environment.provider,
    }
    form = EnvironmentForm(request.POST or None, initial=initial)
    if request.method == "POST" and not is_fixed and form.is_valid():
        answers = {key: value for key, value in form.cleaned_data.items() if key != "provider"}
        try:
            correct_environment(environment, **answers, actor=actor_of(request))
        except NotRegistered as refusal:
            form.add_refusal(refusal)
        else:
            save_answers(
                draft,
                name=environment.name,
                organization_id=answers["organization_id"],
                environment_id=answers["environment_id"],
                region=answers["region"],
                issuer_url=answers["issuer"].url,
            )
            return redirect("draft_account", pk=draft.pk)
    context = draft_context(draft, current="environment") | {
        "form": form,
        "is_fixed": is_fixed,
        "regions": BEDROCK_REGIONS,
    }
    return render(request, "wizard/environment.html", context, status=422 if form.errors else 200)


@never_cache
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def draft_account(request: HtmxRequest, pk: int) -> HttpResponse:
    """Step two: whose rights the worker has, and in which account the role is to be. The panel polls while it asks."""
    draft = get_draft(request.user, pk)
    now = timezone.now()
    form = AccountForm(None, region=draft.answers.get("region", ""))
    if request.method == "POST":
        if "check" in request.POST:
            request_check(now=now)
            return redirect("draft_account", pk=draft.pk)
        form = AccountForm(request.POST, region=draft.answers.get("region", ""))
        if form.is_valid():
            account: Account = form.cleaned_data["account"]
            if account.account_id != draft.answers.get("account_id"):
                save_answers(draft, account_id=account.account_id)
            return redirect("draft_permissions", pk=draft.pk)
    context = draft_context(draft, current="account") | caller_context(now) | {"form": form}
    template = "wizard/_account.html" if request.htmx else "wizard/account.html"
    return render(request, template, context, status=422 if form.errors else 200)


def caller_context(now: datetime) -> dict[str, object]:
    """Who the worker is and which accounts it reaches; asks it when that is unknown or older than ten minutes."""
    caller = WorkerCaller.objects.first()
    moments = (caller.checked_at, caller.check_requested_at) if caller else ()
    if not any(moment is not None and moment > now - CHECK_AGAIN_AFTER for moment in moments):
        request_check(now=now)
    context = accounts_context(now=now)
    return context | {"has_ready_account": any(account.is_ready for account in Account.objects.all())}


@require_http_methods(["GET", "HEAD", "POST"])
def draft_permissions(request: HttpRequest, pk: int) -> HttpResponse:
    """Step three: what the role may do. Continuing asks the worker for a plan."""
    draft = get_draft(request.user, pk)
    account = Account.objects.filter(account_id=draft.answers.get("account_id", "")).first()
    if account is None:
        return redirect("draft_account", pk=draft.pk)
    initial = {
        "permissions": draft.answers.get("permissions"),
        "policy_arn": draft.answers.get("policy_arn", ""),
        "role_name": free_role_name(draft, account=account),
        "tags": format_tags(draft.answers.get("tags", {})),
    }
    form = PermissionsForm(request.POST or None, initial=initial, draft=draft, account=account)
    if request.method == "POST" and form.is_valid():
        save_answers(draft, **form.cleaned_data)
        request_plan(draft, actor=actor_of(request), now=timezone.now())
        return redirect("draft_review", pk=draft.pk)
    context = draft_context(draft, current="permissions") | {
        "form": form,
        "invoke_policy": invoke_policy(partition=account.partition, account_id=account.account_id),
        "full_access_arn": full_access_policy_arn(account.partition),
    }
    return render(request, "wizard/permissions.html", context, status=422 if form.errors else 200)
