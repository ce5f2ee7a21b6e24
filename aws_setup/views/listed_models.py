"""What Bedrock offers an environment, what Vertesia Studio will show of it, and why the rest is hidden."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from aws_setup.listing import studio_answer
from aws_setup.model_access import explain_access
from aws_setup.model_list import (
    ModelQuery,
    compare_with_before,
    failed_lists,
    group_models,
    read_cautions,
    region_name,
)
from aws_setup.models import Connection, ListedModel
from aws_setup.regions import partition_of
from aws_setup.standing import latest_listing
from aws_setup.stored_listings import read_listing
from config.http import HtmxRequest
from environments.access import get_environment
from environments.models import proof_cutoff


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def models(request: HtmxRequest, pk: int) -> HttpResponse:
    """The models of the last verification that could list them."""
    environment, now = get_environment(request.user, pk), timezone.now()
    query = ModelQuery.from_url(request.GET.dict())
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    listing = latest_listing(connection) if connection else None
    listed = list(ListedModel.objects.filter(listing=listing.listing_id)) if listing else []
    shown = sum(model.shown_in_studio for model in listed)
    last = connection.verifications.filter(finished_at__isnull=False).first() if connection else None
    region = connection.region if connection else environment.endpoint_url
    cautions = read_cautions(connection, listing, listed, today=timezone.now().date()) if connection and listing else []
    context = {
        "environment": environment,
        "connection": connection,
        "query": query,
        "listing": listing,
        "is_old": listing is not None and (listing.finished_at or now) < proof_cutoff(now),
        "last": last,
        "failed_lists": failed_lists(last) if last and last != listing else [],
        "cautions": cautions,
        "groups": group_models(listed, query),
        "counts": {"shown": shown, "hidden": len(listed) - shown, "all": len(listed)},
        "changes": compare_with_before(connection, listing, listed) if connection and listing else None,
        "region": region_name(region),
        "access": explain_access(connection.account.partition if connection else partition_of(region)),
        "tabs": [
            {"name": name, "label": label, "count": count, "url": query.url_with(view=name)}
            for name, label, count in (
                ("shown", "Shown", shown),
                ("hidden", "Hidden", len(listed) - shown),
                ("all", "All", len(listed)),
            )
        ],
        "orders": [
            {"name": name, "label": label, "url": query.url_with(order=name)}
            for name, label in (("publisher", "By publisher"), ("studio", "In Studio's order"))
        ],
    }
    if request.htmx:
        url = reverse("environment_models", args=[pk]) + query.to_url()
        return push_url(render(request, "aws_setup/_models.html", context), url)
    return render(request, "aws_setup/models.html", context)


@require_safe
@never_cache
def studio_models(request: HttpRequest, pk: int) -> HttpResponse:
    """The list that Vertesia's driver gives Studio, to be compared with `GET /environments/ID/models` of Vertesia.

    404 before anything was listed. Modalities and tool support are not in it.
    """
    environment = get_environment(request.user, pk)
    connection = Connection.objects.filter(environment=environment).first()
    listing = latest_listing(connection) if connection else None
    if connection is None or listing is None:
        raise Http404("No models have been listed yet.")
    answer = studio_answer(read_listing(ListedModel.objects.filter(listing=listing.listing_id)))
    return JsonResponse(
        answer,
        safe=False,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="studio-models-{connection.region}.json"'},
    )
