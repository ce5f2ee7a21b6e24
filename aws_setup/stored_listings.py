"""Listings as stored: one for all verifications that found the same."""

from collections.abc import Iterable, Sequence
from typing import cast

from aws_setup.listing import Facts, Kind, PredictedModel, digest_listing
from aws_setup.models import ListedModel, Listing


def find_or_store_listing(models: Sequence[PredictedModel]) -> Listing:
    """The stored listing that holds exactly these models in this order, stored now where it is new."""
    listing, is_new = Listing.objects.get_or_create(
        digest=digest_listing(models),
        defaults={"shown": sum(model.shown_in_studio for model in models), "total": len(models)},
    )
    if is_new:
        ListedModel.objects.bulk_create(
            ListedModel(
                listing=listing,
                position=position,
                model_id=model.id,
                name=model.name,
                publisher=model.publisher,
                kind=model.kind,
                shown_in_studio=model.shown_in_studio,
                reason=model.reason,
                facts=model.facts.to_json(),
            )
            for position, model in enumerate(models)
        )
    return listing


def read_listing(models: Iterable[ListedModel]) -> list[PredictedModel]:
    """Stored models as they were predicted."""
    return [
        PredictedModel(
            id=model.model_id,
            name=model.name,
            publisher=model.publisher,
            kind=cast(Kind, model.kind),
            shown_in_studio=model.shown_in_studio,
            reason=model.reason,
            facts=Facts.from_json(model.facts),
        )
        for model in models
    ]
