"""Error pages that were designed: each with an id to quote."""

import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from environments.access import MayNotAdminister

logger = logging.getLogger(__name__)


def error_page(
    request: HttpRequest, *, status: int, title: str, sentence: str, may_sign_out: bool = False
) -> HttpResponse:
    """The designed page for an error, with an id that also stands in the log.

    `may_sign_out` offers that instead of the overview, to somebody whom no page lets in.
    """
    error_id = secrets.token_hex(4)
    # Its repr, because a path may hold line breaks, and escapes that a terminal obeys.
    logger.warning("error page %s, id %s, path %r", status, error_id, request.path)
    context = {
        "status": status,
        "title": title,
        "sentence": sentence,
        "error_id": error_id,
        "may_sign_out": may_sign_out,
    }
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, status=400, title="That request made no sense", sentence="Nothing was changed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request,
        status=403,
        title="Not yours to see",
        sentence="Ask an administrator for access.",
        may_sign_out=isinstance(exception, MayNotAdminister),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request, status=404, title="Nothing here", sentence="It never was here, was removed, or is not yours to see."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(
        request, status=500, title="The console made a mistake", sentence="It is logged. Nothing half-done was kept."
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        status=403,
        title="This form is too old",
        sentence="Go back, reload the page and send it again: you may have signed in or out meanwhile.",
    )
