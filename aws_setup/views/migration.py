"""Moving an organization to another issuer: where every environment stands, and the next step with its effect."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import get_migration, migrations_for
from aws_setup.diagnosis import Blocked
from aws_setup.forms import MigrationForm
from aws_setup.moves.migration import give_up_migration, start_migration, switch_back, switch_issuer
from aws_setup.moves.plans import plan_step, start_step_batch
from aws_setup.moves.standing import MigrationStanding, MigrationStep, Stage, read_migration_standing
from aws_setup.views.frame import actor_of, signed_in
from config.http import HtmxRequest
from environments.access import may_administer, organizations_for
from environments.installation import CURRENT_ISSUER_URL, DOCUMENTED_ISSUER_URL

PLACES_PER_PAGE = 50
REASONS_SHOWN = 5


@require_http_methods(["GET", "HEAD", "POST"])
def migrations(request: HttpRequest) -> HttpResponse:
    """Every move so far, and the form that begins one."""
    if not may_administer(request.user):
        raise PermissionDenied
    organizations = organizations_for(request.user).select_related("issuer")
    former = organizations.filter(issuer__url=DOCUMENTED_ISSUER_URL).first()
    initial = {
        "organization": request.GET.get("organization") or (former.pk if former else None),
        "issuer": request.GET.get("issuer") or CURRENT_ISSUER_URL,
    }
    form = MigrationForm(
        request.POST if request.method == "POST" else None, initial=initial, organizations=organizations
    )
    if request.method == "POST" and form.is_valid():
        try:
            begun = start_migration(
                form.cleaned_data["organization"],
                to_issuer=form.cleaned_data["issuer"],
                actor=actor_of(request),
                now=timezone.now(),
            )
        except Blocked as refusal:
            form.add_error(None, refusal.problem.in_words)
        else:
            return redirect("migration", pk=begun.pk)
    moves = migrations_for(request.user)
    context = {
        "form": form,
        "has_organizations": organizations.exists(),
        "open_moves": moves.filter(finished_at__isnull=True),
        "past_moves": moves.filter(finished_at__isnull=False)[:20],
    }
    return render(request, "migrations/list.html", context, status=422 if form.errors else 200)


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def migration(request: HtmxRequest, pk: int) -> HttpResponse:
    """A move: its three steps, every environment's place, and the way back. Polls while a worker is at any of it."""
    move = get_migration(request.user, pk)
    standing = read_migration_standing(move)
    places = sorted(standing.places, key=lambda place: place.next_step is None and not place.is_waiting_for_a_person)
    page = Paginator(places, PLACES_PER_PAGE).get_page(request.GET.get("page"))
    context = page_context(standing) | {"page": page}
    return render(request, "migrations/_migration.html" if request.htmx else "migrations/migration.html", context)


def page_context(standing: MigrationStanding) -> dict[str, object]:
    """What the page and its partial share."""
    reasons = standing.against_switching
    return {
        "move": standing.migration,
        "standing": standing,
        "is_over": standing.migration.finished_at is not None,
        "is_polling": standing.is_live and standing.migration.finished_at is None,
        "steps": look_of_steps(standing),
        "total": len(standing.places),
        "trusting_both": standing.count(Stage.BOTH),
        "trusting_new": standing.count(Stage.NEW_ONLY),
        "can_trust_both": standing.offering_next(MigrationStep.TRUST_BOTH),
        "can_remove_old": standing.offering_next(MigrationStep.REMOVE_OLD),
        "can_trust_old": standing.offering(MigrationStep.TRUST_OLD),
        "can_trust_old_again": [place for place in standing.places if place.step_back == MigrationStep.TRUST_BOTH],
        "reasons": reasons[:REASONS_SHOWN],
        "more_reasons": max(0, len(reasons) - REASONS_SHOWN),
    }


def look_of_steps(standing: MigrationStanding) -> dict[str, dict[str, str]]:
    """A status and a word for each of the three steps."""
    done, current, later = ({"look": look} for look in ("done", "waiting_for_approval", "pending"))
    todo = standing.offering_next(MigrationStep.TRUST_BOTH)
    both = current | {"word": "To do"} if todo else done | {"word": "Done"}
    if standing.is_switched:
        are_proven = len(standing.proven) == len(standing.places)
        switch = done | {"word": "Done"} if are_proven else {"look": "proof_is_old", "word": "To be proven"}
    elif standing.against_switching:
        switch = later | {"word": "Later"}
    else:
        switch = {"look": "waiting_for_vertesia", "word": "Vertesia's turn"}
    old = later | {"word": "Later"} if not standing.is_switched else current | {"word": "To do"}
    return {
        "trust_both": both,
        "switch": switch,
        "remove_old": done | {"word": "Done"} if standing.has_arrived else old,
    }


@require_POST
def migration_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the plans of one step: for one environment, or for every one where it may be taken now."""
    move = get_migration(request.user, pk)
    try:
        step = MigrationStep(request.POST.get("step", ""))
    except ValueError as error:
        raise Http404("No such step.") from error
    standing = read_migration_standing(move)
    person, actor, now = signed_in(request), actor_of(request), timezone.now()
    try:
        if "environment" in request.POST:
            asked = request.POST["environment"]
            place = next((place for place in standing.places if str(place.environment.pk) == asked), None)
            if place is None:
                raise Http404("No such environment in this move.")
            draft = plan_step(place, step=step, owner=person, actor=actor, now=now)
            return redirect("draft_review", pk=draft.pk)
        batch = start_step_batch(standing, step=step, owner=person, actor=actor, now=now)
        return redirect("batch", pk=batch.pk)
    except Blocked as refusal:
        messages.warning(request, refusal.problem.in_words)
        return redirect("migration", pk=pk)


@require_POST
def migration_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says that Vertesia signs as the new issuer now."""
    move = get_migration(request.user, pk)
    try:
        if switch_issuer(move, actor=actor_of(request), now=timezone.now()):
            messages.success(request, f"{move.to_issuer} signs now. Every environment is being verified anew.")
    except Blocked as refusal:
        messages.warning(request, refusal.problem.in_words)
    return redirect("migration", pk=pk)


@require_POST
def migration_switch_back(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says that Vertesia signs as the old issuer again, or still."""
    move = get_migration(request.user, pk)
    try:
        if switch_back(move, actor=actor_of(request), now=timezone.now()):
            messages.success(request, f"{move.from_issuer} signs again. Every environment is being verified anew.")
    except Blocked as refusal:
        messages.warning(request, refusal.problem.in_words)
    return redirect("migration", pk=pk)


@require_POST
def migration_give_up(request: HttpRequest, pk: int) -> HttpResponse:
    """End a move of which nothing is left."""
    move = get_migration(request.user, pk)
    try:
        if give_up_migration(move, actor=actor_of(request), now=timezone.now()):
            messages.success(request, f"{move.organization} stays with {move.from_issuer}.")
    except Blocked as refusal:
        messages.warning(request, refusal.problem.in_words)
    return redirect("migration", pk=pk)
