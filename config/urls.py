from django.contrib import admin
from django.urls import include, path

from config.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("environments.issuer.urls")),
    path("", include("environments.signin_urls")),
    path("admin/", admin.site.urls),
    path("", include("environments.urls")),
    path("", include("aws_setup.urls")),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
