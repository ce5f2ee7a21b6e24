"""The plan before anything is written: made by a worker, shown to a person, approved by its fingerprint."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import get_draft
from aws_setup.agreement_changes import compare_agreements
from aws_setup.agreements import read_agreement
from aws_setup.approval import approve_plan
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.drift.acceptance import find_accepted
from aws_setup.drift.comparison import read_comparison
from aws_setup.models import Connection, Draft, Plan, Run
from aws_setup.names import dashed
from aws_setup.plans.effect import measure_effect, plan_assurances, plan_effect
from aws_setup.trust.adoption import find_kept_holes
from aws_setup.trust.statements import describe_statement
from aws_setup.views.adoption import adoption_context
from aws_setup.views.frame import actor_of, draft_context, explain_waiting, signed_in
from config.http import HtmxRequest
from environments.models import Environment


def run_of(draft: Draft) -> Run | None:
    """The run that came of this draft, if any."""
    return Run.objects.filter(plan__draft=draft).first()


@never_cache
@vary_on_headers("HX-Request")
@require_safe
def draft_review(request: HtmxRequest, pk: int) -> HttpResponse:
    """The plan of a draft in each of its states; while a worker looks at AWS, the panel polls."""
    draft = get_draft(request.user, pk)
    if (run := run_of(draft)) is not None:
        return redirect("run", pk=run.pk)
    if draft.purpose == Draft.Purpose.CONNECT and not draft.answers.get("role_name"):
        return redirect("draft_permissions" if draft.answers.get("account_id") else "draft_account", pk=draft.pk)
    now = timezone.now()
    is_planning = draft.state == Draft.State.PLANNING
    context = draft_context(draft, current="review") | {
        "is_planning": is_planning,
        "worker_problem": explain_waiting(draft.planning_requested_at, now=now) if is_planning else None,
        **adoption_context(draft),
    }
    plan = latest_plan(draft)
    if plan is not None:
        account = dashed(plan.account.account_id)
        effect = measure_effect(plan.actions)
        desired = DesiredState.from_json(plan.desired)
        differing = _differing_context(draft, plan)
        context |= differing | {
            "plan": plan,
            "trusted_issuers": desired.trusted_issuers,
            "desired": desired,
            "kept_statements": [describe_statement(statement) for statement in desired.kept_statements],
            "provider_kept": _why_provider_stays(plan) if desired.removes_provider else "",
            "kept_holes": find_kept_holes(desired),
            "has_run_out": plan.expires_at <= now,
            "writes_nothing": all(action["verb"] == "keep" for action in plan.actions),
            "effect": plan_effect(
                plan.actions, account, is_absent=desired.is_absent, accepts=len(differing.get("accepted", ()))
            ),
            "assurances": plan_assurances(plan.actions, is_adopted=desired.is_adopted),
            "creates_role": effect.count("create", "role") > 0,
            "removes": desired.is_absent and effect.removes_something,
        }
    return render(request, "wizard/_review.html" if request.htmx else "wizard/review.html", context)


def _why_provider_stays(plan: Plan) -> str:
    """Why an identity provider that was to go stays; empty where it goes, or its audience does."""
    kept = [action for action in plan.actions if action["action"] == "DeleteOpenIDConnectProvider"]
    return str(kept[0]["why"]) if kept and kept[0]["verb"] == "keep" else ""


def _differing_context(draft: Draft, plan: Plan) -> dict[str, list[Any]]:
    """What an acceptance agrees to, and how the agreement changes; what a repair leaves as it is."""
    connection = Connection.objects.filter(environment=plan.environment).first()
    if connection is None:
        return {}
    if draft.purpose == Draft.Purpose.REPAIR:
        return {"left_alone": read_comparison(connection).left_alone}
    if draft.purpose != Draft.Purpose.ACCEPT:
        return {}
    agreed, desired = read_agreement(connection), DesiredState.from_json(plan.desired)
    return {"accepted": find_accepted(agreed, desired), "changes": compare_agreements(agreed, desired)}


def plan_anew(
    request: HttpRequest, environment: Environment, *, purpose: Draft.Purpose, **answers: Any
) -> HttpResponse:
    """Ask for a plan of this purpose in place of an unfinished one, and lead to it; nothing is written by that."""
    actor = actor_of(request)
    draft = restart_draft(owner=signed_in(request), environment=environment, purpose=purpose, actor=actor, **answers)
    request_plan(draft, actor=actor, now=timezone.now())
    return redirect("draft_review", pk=draft.pk)


def latest_plan(draft: Draft) -> Plan | None:
    """The plan of the answers as they stand; None while they are edited, looked into, or blocked."""
    if draft.state != Draft.State.PLANNED:
        return None
    return draft.plans.select_related("account").first()


@require_POST
def draft_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a worker for a plan of the answers as they stand."""
    draft = get_draft(request.user, pk)
    request_plan(draft, actor=actor_of(request), now=timezone.now())
    return redirect("draft_review", pk=draft.pk)


@require_POST
def draft_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the very plan that was shown, by its fingerprint; a second click leads to the same run."""
    draft = get_draft(request.user, pk)
    plan = latest_plan(draft)
    fingerprint = request.POST.get("fingerprint", "")
    if run_of(draft) is None and (plan is None or plan.fingerprint != fingerprint):
        messages.warning(request, "The plan is no longer the one you saw. Nothing was written; look at it again.")
        return redirect("draft_review", pk=draft.pk)
    if plan is not None:
        try:
            approve_plan(plan, fingerprint=fingerprint, actor=actor_of(request), now=timezone.now())
        except Blocked as refusal:
            if run_of(draft) is None:
                messages.warning(request, refusal.problem.in_words)
    return redirect("draft_review", pk=draft.pk)
