"""Where the issuer's documents stand: under the path of ISSUER_URL, because clients append to the issuer's URL."""

from django.conf import settings
from django.urls import URLPattern, path

from environments.issuer import views
from environments.issuer.address import issuer_path
from environments.issuer.documents import AUTHORIZATION_PATH, DISCOVERY_PATH, JWKS_PATH


def build_urlpatterns(issuer_url: str) -> list[URLPattern]:
    """The routes of an issuer at `issuer_url`."""
    prefix = issuer_path(issuer_url)
    return [
        path(f"{prefix}{DISCOVERY_PATH}", views.discovery, name="issuer_discovery"),
        path(f"{prefix}{JWKS_PATH}", views.jwks, name="issuer_jwks"),
        path(f"{prefix}{AUTHORIZATION_PATH}", views.authorize, name="issuer_authorize"),
    ]


urlpatterns = build_urlpatterns(settings.ISSUER_URL)
