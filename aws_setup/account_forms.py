"""What a person types about AWS accounts. No form takes an access key."""

import re
from typing import Any

from django import forms

from aws_setup.company_defaults import defaults_of
from aws_setup.models import Account
from aws_setup.names import InvalidName, validate_policy_arn, validate_role_path
from aws_setup.policies import BOUNDARY_NEEDS_ROOM, has_room_of_its_own
from aws_setup.tags import InvalidTag, parse_tags

MONO = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "mono"}


class AccountRoleForm(forms.Form):
    """The role that the worker assumes in another account."""

    role_arn = forms.CharField(
        label="Role ARN",
        max_length=2048,
        help_text="A role in that account which the worker's own credentials may assume.",
        widget=forms.TextInput(attrs=MONO | {"placeholder": "arn:aws:iam::123456789012:role/VertesiaConsole"}),
        error_messages={"required": "Type the ARN of the role that the worker is to assume."},
    )
    external_id = forms.CharField(
        label="External id",
        max_length=1224,
        required=False,
        help_text="Only where the role's trust policy asks for one (sts:ExternalId).",
        widget=forms.TextInput(attrs=MONO),
    )

    def clean_role_arn(self) -> str:
        arn = str(self.cleaned_data["role_arn"])
        if arn.upper().startswith(("AKIA", "ASIA")):
            raise forms.ValidationError("This is an access key. The console takes none: give the ARN of a role.")
        return arn

    def clean_external_id(self) -> str:
        """AWS's own rule for external ids (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)."""
        external_id = str(self.cleaned_data["external_id"])
        if external_id and not re.fullmatch(r"[\w+=,.@:/-]{2,1224}", external_id, re.ASCII):
            raise forms.ValidationError("An external id has 2 to 1,224 letters, digits and signs of + = , . @ : / - _")
        return external_id


class DefaultsForm(forms.Form):
    """What the company wants of every role in one account. What is left empty is as the settings say."""

    role_prefix = forms.RegexField(
        r"^[A-Za-z0-9+=,.@_-]{0,40}\Z",
        label="Role names begin with",
        required=False,
        widget=forms.TextInput(attrs=MONO | {"placeholder": "acme-"}),
        error_messages={"invalid": "A prefix has at most 40 letters, digits or the characters + = , . @ _ -"},
    )
    role_path = forms.CharField(
        label="IAM path",
        required=False,
        max_length=512,
        widget=forms.TextInput(attrs=MONO | {"placeholder": "/vertesia/"}),
    )
    boundary_arn = forms.CharField(
        label="Permissions boundary",
        required=False,
        max_length=2048,
        widget=forms.TextInput(attrs=MONO | {"placeholder": "arn:aws:iam::123456789012:policy/VertesiaBoundary"}),
    )
    extra_tags = forms.CharField(
        label="Tags",
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "mono", "spellcheck": "false", "placeholder": "CostCenter=4711"}
        ),
    )
    max_session_hours = forms.IntegerField(
        label="Maximum session, in hours",
        min_value=1,
        max_value=12,
        widget=forms.NumberInput(attrs={"min": 1, "max": 12}),
        error_messages={
            "required": "Say how long a session may last: 1 to 12 hours.",
            "invalid": "A whole number of hours, 1 to 12.",
            "min_value": "IAM takes 1 to 12 hours.",
            "max_value": "IAM takes 1 to 12 hours.",
        },
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        standing = defaults_of(Account())
        boundary = standing.boundary_arn or "none"
        helps = {
            "role_prefix": "Of new roles: a name that begins otherwise is refused. Empty: any name.",
            "role_path": f"Of new roles; a role cannot change its path. Empty: ROLE_PATH of the settings, "
            f"now {standing.path}",
            "boundary_arn": "A policy of this account or of AWS. Of new roles, and of existing ones that have none at "
            f"their next change. Empty: ROLE_PERMISSIONS_BOUNDARY of the settings, now {boundary}",
            "extra_tags": "One key=value a line, of new roles, beside a person’s own tags, which win. Empty: none.",
            "max_session_hours": "Of new roles. Vertesia’s own sessions are as long as it asks for, at most this.",
        }
        for name, text in helps.items():
            self.fields[name].help_text = text

    def clean_role_path(self) -> str:
        path = str(self.cleaned_data["role_path"])
        try:
            validate_role_path(path or "/")
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        return path

    def clean_boundary_arn(self) -> str:
        arn = str(self.cleaned_data["boundary_arn"])
        if not arn:
            return ""
        try:
            validate_policy_arn(arn, account_id=self.account.account_id)
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        if not arn.startswith(f"arn:{self.account.partition}:"):
            raise forms.ValidationError(f"This account is in partition {self.account.partition}, the policy is not.")
        return arn

    def clean_extra_tags(self) -> dict[str, str]:
        try:
            return parse_tags(self.cleaned_data["extra_tags"].splitlines())
        except InvalidTag as error:
            raise forms.ValidationError(str(error)) from error


class ProvisioningPolicyForm(forms.Form):
    """What narrows the policy that the console itself needs."""

    account_id = forms.RegexField(
        r"^([0-9]{12}|\*)\Z",
        label="AWS account id",
        required=False,
        widget=forms.TextInput(attrs=MONO | {"inputmode": "numeric"}),
        help_text="12 digits; empty for any account.",
        error_messages={"invalid": "An AWS account id has 12 digits, without dashes."},
    )
    path = forms.CharField(
        label="Role path",
        required=False,
        max_length=512,
        widget=forms.TextInput(attrs=MONO),
        help_text="Only roles under this path may be touched, as in /vertesia/.",
    )
    name_prefix = forms.RegexField(
        r"^[\w+=,.@-]{0,64}\Z",
        label="Role name prefix",
        required=False,
        widget=forms.TextInput(attrs=MONO | {"placeholder": "Vertesia"}),
        help_text="Only roles whose names begin like this.",
        error_messages={"invalid": "A role name has only letters, digits and + = , . @ - _"},
    )
    boundary_arn = forms.RegexField(
        r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]{1,512}\Z",
        label="Permissions boundary",
        required=False,
        widget=forms.TextInput(attrs=MONO | {"placeholder": "arn:aws:iam::123456789012:policy/VertesiaBoundary"}),
        help_text="The ARN of a policy that every role made here must carry.",
        error_messages={"invalid": "A boundary is the ARN of a managed policy: arn:aws:iam::ACCOUNT:policy/NAME."},
    )
    read_only = forms.BooleanField(label="Read only: observe and plan, write nothing", required=False)
    remove_providers = forms.BooleanField(
        label="Also remove identity providers that nobody uses any more, where that is asked for", required=False
    )

    def clean_path(self) -> str:
        path = str(self.cleaned_data["path"]) or "/"
        try:
            validate_role_path(path)
        except InvalidName as error:
            raise forms.ValidationError(str(error)) from error
        return path

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        asked = {"path": cleaned.get("path") or "/", "prefix": cleaned.get("name_prefix") or ""}
        if cleaned.get("boundary_arn") and not has_room_of_its_own(**asked):
            self.add_error("boundary_arn", BOUNDARY_NEEDS_ROOM)
        return cleaned
