"""What is asked of single models: one token of one, and which of them count on every proof."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from aws_setup.access import get_connection
from aws_setup.chosen_models import CHOSEN_AT_MOST, choose_models
from aws_setup.model_list import describe
from aws_setup.models import Connection, ListedModel
from aws_setup.standing import latest_listing
from aws_setup.token_price import INPUT_TOKENS, OUTPUT_TOKENS, price_ceiling
from aws_setup.verification import request_verification
from aws_setup.views.frame import actor_of


def listed_in_studio(connection: Connection) -> list[ListedModel]:
    """The models that Studio shows by the last listing; none before there is one."""
    listing = latest_listing(connection)
    if listing is None:
        return []
    return list(ListedModel.objects.filter(listing=listing.listing_id, shown_in_studio=True))


@require_http_methods(["GET", "HEAD", "POST"])
def one_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask one listed model for one token, after the person saw what it costs.

    Http404 where `model` is none of the listed ones that answer in text.
    """
    connection = get_connection(request.user, environment_pk=pk)
    environment = connection.environment
    if not connection.has_aws_resources or not environment.organization.issuer.is_builtin:
        messages.info(request, "A model can be tried only with a token, and for this environment none can be had here.")
        return redirect(environment)
    asked = (request.POST if request.method == "POST" else request.GET).get("model", "")
    model = next((one for one in listed_in_studio(connection) if one.model_id == asked and one.answers_in_text), None)
    if model is None:
        raise Http404("This environment lists no such model that answers in text.")
    if request.method == "POST":
        proof = request_verification(
            connection, actor=actor_of(request), now=timezone.now(), one_token_of=model.model_id
        )
        if proof is None:
            messages.info(request, "A verification is under way already. Ask again when it is over; nothing was asked.")
        return redirect(environment)
    context = {
        "environment": environment,
        "connection": connection,
        "row": describe(model),
        "price": price_ceiling(),
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
    }
    return render(request, "aws_setup/one_token.html", context)


class ChosenModelsForm(forms.Form):
    """Checkboxes for what is listed, and for what was chosen before and is listed no more."""

    models = forms.MultipleChoiceField(
        label="Models that count",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "This environment lists no model %(value)s."},
    )

    def __init__(self, *args: object, connection: Connection, **kwargs: object) -> None:
        kwargs.setdefault("initial", {"models": connection.chosen_models})
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.listed = listed_in_studio(connection)
        known = {model.model_id for model in self.listed}
        self.unlisted = [model_id for model_id in connection.chosen_models if model_id not in known]
        choices = [*((model_id, model_id) for model_id in self.unlisted), *((m.model_id, m.name) for m in self.listed)]
        self.fields["models"].choices = choices  # type: ignore[attr-defined]

    def clean_models(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["models"]
        if len(chosen) > CHOSEN_AT_MOST:
            raise forms.ValidationError(
                f"{len(chosen)} are chosen. At most {CHOSEN_AT_MOST} can count: AWS is asked about each on every proof."
            )
        return list(dict.fromkeys(chosen))


@require_http_methods(["GET", "HEAD", "POST"])
def chosen_models(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the models whose access is checked on every proof."""
    connection = get_connection(request.user, environment_pk=pk)
    form = ChosenModelsForm(request.POST if request.method == "POST" else None, connection=connection)
    if form.is_valid():
        if choose_models(connection, form.cleaned_data["models"], actor=actor_of(request)):
            messages.success(request, "Stored. The next proof checks them; verify to know now.")
        return redirect("environment_models", pk=pk)
    chosen = request.POST.getlist("models") if form.is_bound else connection.chosen_models
    context = {
        "environment": connection.environment,
        "connection": connection,
        "form": form,
        "rows": [describe(model) for model in form.listed],
        "chosen": chosen,
        "at_most": CHOSEN_AT_MOST,
    }
    return render(request, "aws_setup/chosen_models.html", context, status=422 if form.errors else 200)
