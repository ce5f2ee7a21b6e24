"""Signing in and out."""

from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from environments import signin
from environments.access import may_administer
from environments.signin_forms import LinkForm, SignInForm

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"
TOO_MANY_TRIES = (
    "Too many tries within a minute, for this name or from this address. "
    "Wait a minute and try again: nothing is locked."
)
TOO_MANY_AT_ONCE = "Too many are signing in at this moment. Wait a few seconds and try again: nothing is locked."
BUSY_PAUSE = timedelta(seconds=5)


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    destination = _read_destination(request)
    if request.user.is_authenticated:
        return redirect(destination)
    if request.method != "POST":
        return _render_sign_in(request, SignInForm(request), destination=destination)
    form = SignInForm(request, data=request.POST)
    attempt = signin.Attempt(form.read_name(), address=_read_address(request))
    if not signin.may_attempt(attempt, now=timezone.now()):
        return _refuse_for_now(request, attempt, TOO_MANY_TRIES, wait=signin.ATTEMPT_WINDOW)
    try:
        with signin.checking_password():
            is_right = form.is_valid()
    except signin.TooBusy:
        return _refuse_for_now(request, attempt, TOO_MANY_AT_ONCE, wait=BUSY_PAUSE)
    if not is_right:
        return _render_sign_in(request, form, destination=destination)
    signin.forget_attempts(attempt)
    return _let_in(request, form.get_user(), destination=destination)


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """In the place of the admin's own form, which would let passwords be tried without limit."""
    if request.user.is_authenticated and not may_administer(request.user):
        raise PermissionDenied
    return redirect_to_login(_read_destination(request), resolve_url("sign_in"))


def admin_password_change(request: HttpRequest) -> HttpResponse:
    """In the place of the admin's own form, which writes no history: a sign-in link gives a new password."""
    raise Http404


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")


@login_not_required
@sensitive_post_parameters("password", "token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest) -> HttpResponse:
    """A GET only shows the form: programs that open links in messages must not use them up."""
    now = timezone.now()
    token = request.POST.get("token", "") if request.method == "POST" else request.GET.get("token", "")
    link = signin.find_link(token, now=now)
    if link is None:
        return _render_link_gone(request)
    if request.method != "POST":
        return _hide_address(render(request, "sign_in/link.html", {"form": LinkForm(), "token": token}))
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _hide_address(render(request, "sign_in/link.html", {"form": form, "token": token}))
    person = signin.use_link(
        link, username=form.cleaned_data["username"], password=form.cleaned_data["password"], now=now
    )
    if person is None:
        return _render_link_gone(request)
    return _let_in(request, person, destination=resolve_url(settings.LOGIN_REDIRECT_URL))


def _render_sign_in(
    request: HttpRequest, form: SignInForm, *, destination: str, refusal: str = "", status: int = 200
) -> HttpResponse:
    context = {"form": form, "next": destination, "refusal": refusal, "link_command": signin.name_link_command()}
    return render(request, "sign_in/sign_in.html", context, status=status)


def _refuse_for_now(request: HttpRequest, attempt: signin.Attempt, sentence: str, *, wait: timedelta) -> HttpResponse:
    form = SignInForm(request, initial={"username": attempt.name})
    response = _render_sign_in(
        request, form, destination=_read_destination(request), refusal=sentence, status=HTTPStatus.TOO_MANY_REQUESTS
    )
    response["Retry-After"] = str(int(wait.total_seconds()))
    return response


def _render_link_gone(request: HttpRequest) -> HttpResponse:
    context = {"link_command": signin.name_link_command()}
    return _hide_address(render(request, "sign_in/link_gone.html", context, status=410))


def _let_in(request: HttpRequest, person: User, *, destination: str) -> HttpResponseRedirect:
    login(request, person, backend=PASSWORD_BACKEND)
    signin.record_sign_in(person)
    return HttpResponseRedirect(destination)


def _hide_address(response: HttpResponse) -> HttpResponse:
    """Keep the token, which stands in the address, out of every Referer.

    `no-referrer` would do that too, but makes browsers send `Origin: null` with the form, which Django's check of
    cross-site requests refuses (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
    """
    response["Referrer-Policy"] = "strict-origin"
    return response


def _read_destination(request: HttpRequest) -> str:
    """Where to go afterwards: `next`, but never to another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def _read_address(request: HttpRequest) -> str:
    """Where the request came from; behind a TLS proxy that was declared, as that proxy saw it."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    if settings.SECURE_PROXY_SSL_HEADER and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
