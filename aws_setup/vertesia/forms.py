"""The forms about Vertesia: an API key, and an environment to create there."""

import json
from collections.abc import Sequence

from django import forms
from django.conf import settings

from aws_setup.models import VertesiaAccess
from aws_setup.regions import BEDROCK_REGIONS


def list_sites() -> list[tuple[str, str]]:
    """The sites that can be chosen: the sandbox works with its own alone, and nobody else with that."""
    is_offered = {VertesiaAccess.Site.SANDBOX: settings.AWS_SANDBOX}
    sites = VertesiaAccess.Site
    return [(site.value, str(site.label)) for site in sites if is_offered.get(site, not settings.AWS_SANDBOX)]


def list_regions() -> list[tuple[str, str]]:
    """The regions that have Bedrock, by id and place."""
    return [("", "Choose a region"), *((region, f"{region}, {name}") for region, name in BEDROCK_REGIONS.items())]


class ApiKeyForm(forms.Form):
    """A site and an API key. The key is never shown again, in no field either."""

    site = forms.ChoiceField(
        label="Site",
        choices=list_sites,
        help_text="Where you sign in to Studio. Most organizations are at the global one.",
        error_messages={"invalid_choice": "Choose one of Vertesia's sites."},
    )
    api_key = forms.CharField(
        label="API key",
        max_length=512,
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "sk-…"}
        ),
        help_text="From Vertesia Studio, under Settings, API Keys. It is kept encrypted and never shown again.",
        error_messages={
            "required": "Paste the API key.",
            "max_length": "A Vertesia API key has at most 512 characters.",
        },
    )


class NewEnvironmentForm(forms.Form):
    """An environment to create in Vertesia. What may be is for the service to say."""

    name = forms.CharField(
        label="Name",
        max_length=200,
        help_text="As it is to stand in Studio.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the environment a name.", "max_length": "A name has at most 200 characters."},
    )
    region = forms.ChoiceField(
        label="AWS region",
        choices=list_regions,
        help_text="Vertesia calls it the Endpoint URL.",
        error_messages={"required": "Choose a region.", "invalid_choice": "Choose one of the regions listed."},
    )
    project_ids = forms.MultipleChoiceField(
        label="Projects that may use it",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one project.",
            "invalid_choice": "Choose projects of those listed.",
        },
    )

    @classmethod
    def for_projects(cls, projects: Sequence[dict[str, str | bool]], data: object = None) -> "NewEnvironmentForm":
        """The form with the projects that the key can see; restricted ones cannot be chosen."""
        form = cls(data)  # type: ignore[arg-type]  # a request's data, or None
        open_ones = [(str(one["id"]), str(one["name"])) for one in projects if not one["is_restricted"]]
        form.fields["project_ids"].choices = open_ones  # type: ignore[attr-defined]  # a MultipleChoiceField
        return form

    @property
    def request_text(self) -> str:
        """The request's body as it will be sent, but for the order's own number."""
        cleaned = self.cleaned_data
        body = {
            "name": cleaned["name"].strip(),
            "provider": "bedrock",
            "endpoint_url": cleaned["region"],
            "allowed_projects": cleaned["project_ids"],
        }
        return json.dumps(body, indent=2, ensure_ascii=False)
