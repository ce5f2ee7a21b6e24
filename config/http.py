"""The request as views here see it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request that went through HtmxMiddleware; `htmx` is true where htmx asks for a part of a page."""

    htmx: HtmxDetails
