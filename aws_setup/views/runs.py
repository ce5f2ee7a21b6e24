"""One run: what happens now, what was done, what is waited for and why; then the result, or what can be done."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import get_run
from aws_setup.drafting import request_plan, save_answers, start_draft
from aws_setup.models import Draft, Run, Step, Verification
from aws_setup.proofs.groups import group_checks
from aws_setup.undoing import can_be_undone, find_agreed_before
from aws_setup.vertesia.handing_over import can_be_told_again, tell_vertesia_again
from aws_setup.views.frame import actor_of, draft_context, environment_of, explain_waiting, signed_in
from aws_setup.views.review import plan_anew
from config.http import HtmxRequest

MODELS_SHOWN = 8


@never_cache
@vary_on_headers("HX-Request")
@require_safe
def run(request: HtmxRequest, pk: int) -> HttpResponse:
    """The run's page and the panel it polls; the panel of a finished run has no trigger, so polling stops."""
    found = get_run(request.user, pk)
    now = timezone.now()
    steps = list(found.steps.all())
    verification = found.verifications.first()
    writes = [step for step in steps if step.action["verb"] != "keep"]
    is_untouched = not found.is_finished and found.started_at is None
    context = draft_context(found.plan.draft, current="run", run=found) | {
        "run": found,
        "steps_of_run": steps,
        "written": [step for step in writes if step.state == Step.State.DONE and step.outcome != "unchanged"],
        "not_written": [step for step in writes if step.state != Step.State.DONE],
        "done": sum(step.state == Step.State.DONE for step in steps),
        "total": len(steps) if found.state != Run.State.VERIFYING else 0,
        "verification": verification,
        "check_groups": group_checks(verification.checks.all()) if verification else [],
        "doing": _doing(found, verification),
        "worker_problem": explain_waiting(found.created_at, now=now) if is_untouched else None,
        "can_undo": can_be_undone(found),
        "can_tell_again": can_be_told_again(found.connection),
        "agreed_before": found.state == Run.State.FAILED and find_agreed_before(found) is not None,
        "provider_gone": any(
            step.action["action"] == "DeleteOpenIDConnectProvider" and step.outcome == "removed" for step in steps
        ),
        **models_summary(verification),
    }
    return render(request, "runs/_run_answer.html" if request.htmx else "runs/run.html", context)


def _doing(found: Run, verification: Verification | None) -> str:
    """What happens now: the verification's own words while one is at work, else the run's."""
    if found.is_finished:
        return ""
    if verification is not None and not verification.is_finished and verification.doing:
        return verification.doing
    return found.doing


def models_summary(verification: Verification | None) -> dict[str, object]:
    """How many models were listed, how many of them Studio will show, and the first of those in Studio's order."""
    listing = verification.listing if verification is not None else None
    if listing is None:
        return {"models_total": 0, "models_shown": 0, "first_models": []}
    first = listing.models.filter(shown_in_studio=True)[:MODELS_SHOWN]
    return {"models_total": listing.total, "models_shown": listing.shown, "first_models": first}


@require_POST
def run_plan_again(request: HttpRequest, pk: int) -> HttpResponse:
    """After a failed run: a new plan of the same answers, made from what AWS holds now."""
    found = get_run(request.user, pk)
    before = found.plan.draft
    if not found.is_finished:
        return redirect("run", pk=found.pk)
    draft: Draft = start_draft(
        owner=signed_in(request), environment=environment_of(before), purpose=before.purpose, actor=actor_of(request)
    )
    # A command leaves the role's name to the console: the run has settled it.
    save_answers(draft, **before.answers | {"role_name": found.connection.role_name})
    request_plan(draft, actor=actor_of(request), now=timezone.now())
    return redirect("draft_review", pk=draft.pk)


@require_POST
def run_tell_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Where Vertesia could not be told the role: tell it again, and go on from there."""
    found = get_run(request.user, pk)
    if tell_vertesia_again(found.connection, actor=actor_of(request), now=timezone.now()) is None:
        messages.info(request, "There is nothing to tell Vertesia again: see how the environment stands.")
        return redirect(found.plan.environment.get_absolute_url())
    return redirect("run", pk=found.pk)


@require_POST
def run_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """After a failed run: a plan that takes away what it made, or puts back what was agreed before it."""
    found = get_run(request.user, pk)
    if not can_be_undone(found):
        messages.info(request, "There is nothing of this run to undo any more.")
        return redirect("run", pk=found.pk)
    return plan_anew(request, found.connection.environment, purpose=Draft.Purpose.UNDO, run=found.pk)
