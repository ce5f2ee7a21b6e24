"""Error pages that were designed: each with an id to quote."""

import logging
import secrets
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from environments.access import MayNotAdminister

RETRY_AFTER_SECONDS = 5

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
    """A mistake of the console; or a database that is locked or gone, which is none and passes."""
    if is_database_away(sys.exc_info()[1]):
        return _database_away(request)
    return error_page(
        request, status=500, title="The console made a mistake", sentence="It is logged. Nothing half-done was kept."
    )


def is_database_away(error: BaseException | None) -> bool:
    """Whether the database was locked or could not be reached, rather than asked for something wrong."""
    return isinstance(error, OperationalError | InterfaceError)


def _database_away(request: HttpRequest) -> HttpResponse:
    answer = error_page(
        request,
        status=503,
        title="The database does not answer",
        sentence="It is locked, or cannot be reached at this moment. Nothing of this request was kept; what was "
        "approved before stays approved, and its work goes on by itself. Go back and try again in a few seconds.",
    )
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        status=403,
        title="This form is too old",
        sentence="Go back, reload the page and send it again: you may have signed in or out meanwhile.",
    )
