"""Error pages that were designed: each with an id to quote."""

import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)


def error_page(request: HttpRequest, *, status: int, title: str, sentence: str) -> HttpResponse:
    """The designed page for an error, with an id that also stands in the log."""
    error_id = secrets.token_hex(4)
    logger.warning("error page %s, id %s, path %s", status, error_id, request.path)
    return render(
        request,
        "error.html",
        {"status": status, "title": title, "sentence": sentence, "error_id": error_id},
        status=status,
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, status=400, title="That request made no sense", sentence="Nothing was changed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, status=403, title="Not yours to see", sentence="Ask an administrator for access.")


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
