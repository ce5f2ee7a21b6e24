"""A role that somebody else made: what it holds, what would become of it, and the consent to that."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from aws_setup.access import get_draft
from aws_setup.desired import DesiredState
from aws_setup.drafting import consent_to_adoption
from aws_setup.models import Draft
from aws_setup.observed import ObservedRole
from aws_setup.trust.adoption import Adoption, review_adoption
from aws_setup.views.frame import actor_of


@dataclass(frozen=True)
class Comparison:
    """One part of the role in three columns; None is: nothing of the kind."""

    part: str
    theirs: Any
    ours: Any
    result: Any

    @property
    def change(self) -> dict[str, Any]:
        """From theirs to the result, as the filter `differences` takes it."""
        return {"before": self.theirs, "after": self.result}

    @property
    def is_unchanged(self) -> bool:
        return bool(self.theirs == self.result)


def adoption_context(draft: Draft) -> dict[str, Any]:
    """What the review page shows of a role to consent to; nothing where there is none."""
    if draft.state != Draft.State.BLOCKED or not draft.found:
        return {}
    desired = DesiredState.from_json(draft.found["desired"])
    adoption = review_adoption(desired, ObservedRole.from_json(draft.found["role"]))
    consented = draft.answers.get("adopts", "")
    return {
        "adoption": adoption,
        "comparisons": _compare(adoption),
        "has_changed": bool(consented) and consented != adoption.role.digest,
        "sets_boundary": adoption.result["Permissions boundary"] != adoption.role.boundary_arn,
    }


def _compare(adoption: Adoption) -> list[Comparison]:
    return [
        Comparison(part, adoption.theirs[part] or None, adoption.ours[part] or None, adoption.result[part] or None)
        for part in adoption.theirs
    ]


@require_POST
def draft_adopt(request: HttpRequest, pk: int) -> HttpResponse:
    """Consent to the adoption of the very role that was shown, by its digest; the plan is then made anew."""
    draft = get_draft(request.user, pk)
    if request.POST.get("consent") != "yes":
        messages.warning(request, "Nothing was agreed to: tick the box to consent, or choose another role name.")
    elif not consent_to_adoption(
        draft, digest=request.POST.get("digest", ""), actor=actor_of(request), now=timezone.now()
    ):
        messages.warning(request, "The role is no longer the one you saw. Nothing was agreed to; look at it again.")
    return redirect("draft_review", pk=draft.pk)
