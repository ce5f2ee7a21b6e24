"""A page that explains an error of AWS that somebody met elsewhere. What is pasted is neither stored nor logged."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from aws_setup.access import get_connection
from aws_setup.agreements import read_agreement
from aws_setup.diagnosis.error_text import leave_out_tokens
from aws_setup.diagnosis.words import LONGEST_TEXT, explain_words
from aws_setup.models import Connection

LONGEST_NUMBER = 18


class ErrorTextForm(forms.Form):
    """What somebody pasted, and which environment it is about, where that is known."""

    text = forms.CharField(
        label="What AWS, CloudFormation or Vertesia said",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        error_messages={"required": "Paste the error first."},
    )
    environment = forms.IntegerField(required=False, widget=forms.HiddenInput)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def explain(request: HttpRequest) -> HttpResponse:
    """The form, and beneath it the cause and remedy of what was pasted. Nothing is asked of AWS."""
    connection = _find_connection(request)
    form = ErrorTextForm(request.POST or None, initial={"environment": connection and connection.environment_id})
    problem = None
    if request.method == "POST" and form.is_valid():
        desired = read_agreement(connection) if connection is not None else None
        text = form.cleaned_data["text"]
        problem = explain_words(text, desired=desired)
        form = ErrorTextForm(initial={**form.initial, "text": leave_out_tokens(text)})
    context = {"form": form, "problem": problem, "environment": connection and connection.environment}
    return render(request, "aws_setup/explain.html", context)


def _find_connection(request: HttpRequest) -> Connection | None:
    """The connection of the environment that is named; Http404 where this person may not see it."""
    named = request.POST.get("environment") or request.GET.get("environment") or ""
    if not named.isdecimal() or len(named) > LONGEST_NUMBER:
        return None
    return get_connection(request.user, environment_pk=int(named))
