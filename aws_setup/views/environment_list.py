"""The list of environments."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from aws_setup.environment_list import ListQuery, build_chips, read_options, read_page
from config.http import HtmxRequest
from environments.access import environments_for

COLUMNS = (("name", "Environment"), ("status", "Status"), ("region", "Region"), ("verified", "Last proof"))


@require_safe
@vary_on_headers("HX-Request")
def environments(request: HtmxRequest) -> HttpResponse:
    """Search, filter and sort; everything stands in the URL."""
    query = ListQuery.from_url(request.GET.dict())
    options = read_options(query, request.user)
    context = {
        "query": query,
        "options": options,
        "chips": build_chips(query, options),
        "pages": read_page(query, environments_for(request.user), now=timezone.now()),
        "columns": [
            {
                "name": name,
                "label": label,
                "url": query.sorted_by(name).to_url(),
                "order": "descending" if query.sort == f"-{name}" else "ascending" if query.sort == name else "",
            }
            for name, label in COLUMNS
        ],
    }
    if request.htmx:
        return push_url(render(request, "environments/_list.html", context), reverse("environments") + query.to_url())
    return render(request, "environments/list.html", context)
