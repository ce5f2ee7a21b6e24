from django.urls import path

from environments import signin_views

urlpatterns = [
    path("sign-in/", signin_views.sign_in, name="sign_in"),
    path("sign-in/link/", signin_views.sign_in_link, name="sign_in_link"),
    path("admin/login/", signin_views.admin_sign_in),
    path("admin/password_change/", signin_views.admin_password_change),
    path("sign-out/", signin_views.sign_out, name="sign_out"),
]
