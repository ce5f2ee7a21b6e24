"""Who may pass: everything asks for a signed-in administrator, but for the views that say otherwise."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from environments.access import MayNotAdminister, may_administer


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's own, but for three things.

    A public view is let through before the session is touched: otherwise every public document would vary by cookie,
    and no cache could keep it. And an htmx request of a signed-out person makes the whole page go to sign-in and back:
    a redirect would put the sign-in form into the panel that polled. And who may not administer the console gets
    nowhere, here, so that no page has to remember it; what a page fetches, it still fetches for a person.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        if request.user.is_authenticated:
            if not may_administer(request.user):
                raise MayNotAdminister
            return None
        htmx = HtmxDetails(request)
        if not htmx:
            return super().process_view(request, view_func, view_args, view_kwargs)
        sign_in = redirect_to_login(
            htmx.current_url_abs_path or "/", self.get_login_url(view_func), self.get_redirect_field_name(view_func)
        )
        return HttpResponseClientRedirect(sign_in.url)
