"""The routes of an issuer whose URL has a path."""

from environments.issuer.urls import build_urlpatterns

urlpatterns = build_urlpatterns("https://console.example.com/oidc/bedrock")
