"""The issuer's public documents. They touch no session and set no cookie, so that any cache may keep them."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page, require_safe

from environments.issuer.documents import build_authorization_refusal, build_discovery, build_jwks
from environments.issuer.keys import list_public_jwks

DISCOVERY_MAX_AGE = 300
JWKS_MAX_AGE = 60
"""Seconds. A new key must be published at least this long before it signs."""


def is_served() -> bool:
    """Whether the built-in issuer exists: always in the sandbox, in AWS only where ALLOW_BUILTIN_ISSUER says so."""
    return settings.AWS_SANDBOX or settings.ALLOW_BUILTIN_ISSUER


def _json(document: dict[str, Any], *, status: int = 200) -> JsonResponse:
    if not is_served():
        raise Http404("With real AWS, Vertesia signs the tokens; this console has no issuer.")
    return JsonResponse(document, status=status, json_dumps_params={"indent": 2})


# Without csrf_exempt a POST would be told about a missing form token (403) instead of the method (405).
@csrf_exempt
@login_not_required
@require_safe
@cache_control(public=True, max_age=DISCOVERY_MAX_AGE)
@conditional_page
def discovery(request: HttpRequest) -> HttpResponse:
    return _json(build_discovery(settings.ISSUER_URL))


@csrf_exempt
@login_not_required
@require_safe
@cache_control(public=True, max_age=JWKS_MAX_AGE)
@conditional_page
def jwks(request: HttpRequest) -> HttpResponse:
    return _json(build_jwks(list_public_jwks()))


@csrf_exempt
@login_not_required
@require_safe
def authorize(request: HttpRequest) -> HttpResponse:
    return _json(build_authorization_refusal(), status=403)
