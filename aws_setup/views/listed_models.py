"""What Bedrock offers an environment, what Vertesia Studio will show of it, and why the rest is hidden."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from aws_setup.model_list import ModelQuery, compare_with_before, group_models, region_name
from aws_setup.models import Connection, ListedModel
from aws_setup.standing import latest_listing
from config.http import HtmxRequest
from environments.access import get_environment


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def models(request: HtmxRequest, pk: int) -> HttpResponse:
    """The models of the last verification that could list them."""
    environment = get_environment(request.user, pk)
    query = ModelQuery.from_url(request.GET.dict())
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    listing = latest_listing(connection) if connection else None
    listed = list(ListedModel.objects.filter(listing=listing.listing_id)) if listing else []
    shown = sum(model.shown_in_studio for model in listed)
    last = connection.verifications.filter(finished_at__isnull=False).first() if connection else None
    context = {
        "environment": environment,
        "connection": connection,
        "query": query,
        "listing": listing,
        "last": last,
        "failed_lists": list(last.checks.filter(result="fail", check_name__in=LISTS)) if last else [],
        "groups": group_models(listed, query),
        "counts": {"shown": shown, "hidden": len(listed) - shown, "all": len(listed)},
        "changes": compare_with_before(connection, listing, listed) if connection and listing else None,
        "region": region_name(connection.region) if connection else environment.endpoint_url,
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


LISTS = ("foundation_models", "inference_profiles", "custom_models")
