"""What a person types on the way to a plan. Each error stands beside its field, and what was typed is kept."""

from typing import Any

from django import forms
from django.db import models

from aws_setup.drafting import is_role_name_taken
from aws_setup.models import Account, Connection, Draft, Permissions
from aws_setup.names import InvalidName, dashed, validate_policy_arn, validate_role_name, validate_role_prefix
from aws_setup.regions import validate_bedrock_region
from aws_setup.tags import InvalidTag, parse_tags
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.models import Issuer, Organization, Provider
from environments.registry import NotRegistered

PLAIN_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "mono"}
ISSUER_HELP = (
    "Older organizations use becomposable.com, newer ones vertesia.io. Not sure? Ask Vertesia; an "
    "organization can move later."
)


class IssuerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An issuer of the list; its address is what a person compares."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.url} ({obj.label})" if obj.label else str(obj.url)


class IdsForm(forms.Form):
    """The two ids of a token's subject, and the region."""

    organization_id = forms.CharField(
        label="Organization id",
        max_length=200,
        help_text="In Studio: the user icon, top right.",
        widget=forms.TextInput(attrs=PLAIN_INPUT),
        error_messages={"required": "Copy the organization id from Studio: the user icon, top right."},
    )
    environment_id = forms.CharField(
        label="Environment id",
        max_length=200,
        help_text="In Studio: Environments → the environment, on its own page.",
        widget=forms.TextInput(attrs=PLAIN_INPUT),
        error_messages={"required": "Copy the environment id from the environment's page in Studio."},
    )
    region = forms.CharField(
        label="AWS region",
        max_length=30,
        help_text="In Studio: the environment's Endpoint URL.",
        widget=forms.TextInput(attrs=PLAIN_INPUT | {"list": "bedrock-regions", "placeholder": "us-east-1"}),
        error_messages={
            "required": "Say in which AWS region the models are to be used, as in the environment's Endpoint URL.",
            "max_length": "A region looks like us-east-1: lower case, with a number at the end.",
        },
    )
    issuer = IssuerField(
        queryset=Issuer.objects.all(),
        to_field_name="url",
        empty_label=None,
        help_text=ISSUER_HELP,
        error_messages={
            "required": "Choose who signs the tokens.",
            "invalid_choice": "Choose one of the issuers listed here.",
        },
    )

    def _clean_id(self, field: str) -> str:
        value = str(self.cleaned_data[field])
        try:
            validate_plain_id(value)
        except InvalidVertesiaId as error:
            raise forms.ValidationError(str(error)) from error
        return value

    def clean_organization_id(self) -> str:
        return self._clean_id("organization_id")

    def clean_environment_id(self) -> str:
        return self._clean_id("environment_id")

    def clean_region(self) -> str:
        region = str(self.cleaned_data["region"]).lower()
        try:
            validate_bedrock_region(region)
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        return region

    def add_refusal(self, refusal: NotRegistered) -> None:
        """Put what the registry refused beside the field it is about."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)


class EnvironmentForm(IdsForm):
    """Step one: a Vertesia environment."""

    name = forms.CharField(
        label="Environment name",
        max_length=200,
        help_text="As in Studio's list of environments.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the name under which Studio lists the environment."},
    )
    organization_name = forms.CharField(
        label="Organization name",
        required=False,
        max_length=200,
        help_text="Shown in this console only. Studio shows it beside the organization id.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    provider = forms.ChoiceField(
        choices=Provider.choices,
        initial=Provider.BEDROCK,
        help_text="In Studio: the environment's provider.",
        error_messages={"invalid_choice": "Choose one of Vertesia's providers."},
    )
    field_order = ("organization_id", "environment_id", "name", "region", "issuer", "organization_name", "provider")

    def clean_provider(self) -> str:
        provider = Provider(self.cleaned_data["provider"])
        if provider != Provider.BEDROCK:
            raise forms.ValidationError(
                f"{provider.label} takes an API key of its own in Studio, not an AWS role. "
                "Only environments with provider bedrock are connected here."
            )
        return provider.value


class PermissionsForm(forms.Form):
    """What the role may do, how it is called, and the person's own tags."""

    permissions = forms.ChoiceField(
        choices=Permissions.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what the role may do.",
            "invalid_choice": "Choose one of the three.",
        },
    )
    policy_arn = forms.CharField(
        label="Policy ARN",
        required=False,
        max_length=2048,
        help_text="In AWS: IAM → Policies → the policy → ARN. It must be AWS's or of this account.",
        widget=forms.TextInput(attrs=PLAIN_INPUT),
    )
    role_name = forms.CharField(
        label="Role name",
        max_length=200,
        help_text="At most 64 characters; unique in the account regardless of case.",
        widget=forms.TextInput(attrs=PLAIN_INPUT),
        error_messages={"required": "The role needs a name."},
    )
    tags = forms.CharField(
        label="Tags",
        required=False,
        help_text="One key=value a line, for the role and for an identity provider that is created.",
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "mono", "spellcheck": "false", "placeholder": "CostCenter=4711"}
        ),
    )

    def __init__(self, *args: Any, draft: Draft, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft
        self.account = account

    def clean_role_name(self) -> str:
        role_name = str(self.cleaned_data["role_name"])
        try:
            validate_role_name(role_name)
        except InvalidName as error:
            raise forms.ValidationError(f"{error}, without spaces.") from error
        try:
            if not self._has_it(role_name):
                validate_role_prefix(role_name, prefix=self.account.role_prefix, account_id=self.account.account_id)
        except InvalidName as error:
            raise forms.ValidationError(f"{error}: your company’s default for this account.") from error
        if is_role_name_taken(self.draft, account_id=self.account.account_id, role_name=role_name):
            raise forms.ValidationError(
                f"Another environment here has this role in {dashed(self.account.account_id)}. IAM compares role names "
                "regardless of case; choose another."
            )
        return role_name

    def _has_it(self, role_name: str) -> bool:
        """Whether it is the role agreed already: it may be older than the company's wish."""
        agreed = Connection.objects.filter(environment=self.draft.environment).exclude(role_arn="")
        return agreed.filter(role_name__iexact=role_name).exists()

    def clean_tags(self) -> dict[str, str]:
        try:
            return parse_tags(self.cleaned_data["tags"].splitlines())
        except InvalidTag as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("permissions") != Permissions.POLICY:
            cleaned["policy_arn"] = ""
        elif "policy_arn" in cleaned:
            try:
                validate_policy_arn(cleaned["policy_arn"], account_id=self.account.account_id)
            except InvalidName as error:
                self.add_error("policy_arn", str(error))
        return cleaned


class ChangeForm(PermissionsForm, IdsForm):
    """Everything that a plan can change about a connected environment."""

    field_order = ("region", "permissions", "policy_arn", "role_name", "organization_id", "environment_id", "issuer")

    def clean_region(self) -> str:
        region = super().clean_region()
        try:
            validate_bedrock_region(region, partition=self.account.partition)
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        return region


class AccountForm(forms.Form):
    """In which AWS account the role is to be."""

    account = forms.ModelChoiceField(
        queryset=Account.objects.all(),
        to_field_name="account_id",
        error_messages={
            "required": "Choose an account.",
            "invalid_choice": "This account is not known here. Add it under Accounts first.",
        },
    )

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_account(self) -> Account:
        account: Account = self.cleaned_data["account"]
        if not account.is_ready:
            raise forms.ValidationError(f"The worker could not act in {account.dashed_id} when it last checked.")
        try:
            validate_bedrock_region(self.region, partition=account.partition)
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        return account


class MigrationForm(forms.Form):
    """Which organization moves, and to which issuer."""

    organization = forms.ModelChoiceField(
        queryset=Organization.objects.none(),
        empty_label=None,
        help_text="With the issuer that signs its tokens now.",
        error_messages={
            "required": "Choose an organization.",
            "invalid_choice": "Choose one of the organizations listed here.",
        },
    )
    issuer = IssuerField(
        queryset=Issuer.objects.all(),
        to_field_name="url",
        label="New issuer",
        empty_label=None,
        help_text="Vertesia says which; a token of the organization has it as iss.",
        error_messages={
            "required": "Choose the issuer it moves to.",
            "invalid_choice": "Choose one of the issuers listed here.",
        },
    )

    def __init__(self, *args: Any, organizations: models.QuerySet[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["organization"]
        chosen.queryset = organizations
        chosen.label_from_instance = lambda organization: f"{organization} ({organization.issuer})"
