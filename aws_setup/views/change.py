"""Changing what was agreed, and disconnecting: each leads to a plan, as the first set-up did."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from aws_setup.access import get_connection
from aws_setup.drafting import find_draft, new_draft, request_plan, save_answers, start_draft
from aws_setup.forms import ChangeForm
from aws_setup.models import Connection, Draft
from aws_setup.policies import full_access_policy_arn, invoke_policy
from aws_setup.regions import BEDROCK_REGIONS
from aws_setup.tags import format_tags
from aws_setup.views.frame import actor_of, draft_context, signed_in
from aws_setup.views.review import plan_anew
from environments.access import get_environment
from environments.registry import NotRegistered, check_ids

CHANGEABLE = ("region", "permissions", "policy_arn", "role_name", "organization_id", "environment_id")


@require_http_methods(["GET", "HEAD", "POST"])
def environment_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Region, permissions, role name, tags, ids and issuer; what is changed here becomes a plan to look at."""
    connection = get_connection(request.user, environment_pk=pk)
    if (live := connection.runs.filter(finished_at__isnull=True).first()) is not None:
        return redirect("run", pk=live.pk)
    origin: dict[str, Any] = {
        "owner": signed_in(request),
        "environment": connection.environment,
        "purpose": Draft.Purpose.CHANGE,
    }
    draft = find_draft(**origin) or new_draft(**origin, actor=actor_of(request))
    initial = {key: draft.answers.get(key, "") for key in CHANGEABLE} | {
        "issuer": draft.answers.get("issuer_url"),
        "tags": format_tags(draft.answers.get("tags", {})),
    }
    form = ChangeForm(request.POST or None, initial=initial, draft=draft, account=connection.account)
    if request.method == "POST" and form.is_valid():
        answers = form.cleaned_data
        try:
            check_ids(
                organization_id=answers["organization_id"],
                environment_id=answers["environment_id"],
                environment=connection.environment,
            )
        except NotRegistered as refusal:
            form.add_refusal(refusal)
        else:
            draft = start_draft(**origin, actor=actor_of(request))
            save_answers(
                draft,
                **{key: answers[key] for key in CHANGEABLE},
                issuer_url=answers["issuer"].url,
                tags=answers["tags"],
            )
            request_plan(draft, actor=actor_of(request), now=timezone.now())
            return redirect("draft_review", pk=draft.pk)
    account = connection.account
    context = draft_context(draft, current="change") | {
        "form": form,
        "connection": connection,
        "regions": BEDROCK_REGIONS,
        "invoke_policy": invoke_policy(partition=account.partition, account_id=account.account_id),
        "full_access_arn": full_access_policy_arn(account.partition),
    }
    return render(request, "wizard/change.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def environment_disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """What disconnecting means; going on makes a plan of what is removed, which a person approves as any other."""
    environment = get_environment(request.user, pk)
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    if connection is None or not connection.has_aws_resources:
        messages.info(request, f"AWS holds nothing of this console's for {environment.name}.")
        return redirect(environment)
    if (live := connection.runs.filter(finished_at__isnull=True).first()) is not None:
        return redirect("run", pk=live.pk)
    if request.method == "POST":
        removes_provider = request.POST.get("removes_provider") == "yes"
        return plan_anew(request, environment, purpose=Draft.Purpose.DISCONNECT, removes_provider=removes_provider)
    context = {
        "environment": environment,
        "connection": connection,
        "is_adopted": bool(connection.desired.get("is_adopted")),
    }
    return render(request, "wizard/disconnect.html", context)
