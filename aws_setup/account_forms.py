"""What a person types about AWS accounts. No form takes an access key."""

import re
from typing import Any

from django import forms

from aws_setup.names import InvalidName, validate_role_path
from aws_setup.policies import BOUNDARY_NEEDS_ROOM, has_room_of_its_own

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
