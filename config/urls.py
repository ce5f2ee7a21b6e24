from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("environments.issuer.urls")),
    path("", include("environments.signin_urls")),
    path("admin/", admin.site.urls),
]
