"""What a person types about Vertesia's own things."""

import ipaddress
import re
from urllib.parse import urlsplit

from django import forms

from environments.ids import AUDIENCE_PATTERN
from environments.models import Issuer


class NameForm(forms.Form):
    """The display name of an environment; nothing in AWS or at Vertesia depends on it."""

    name = forms.CharField(
        label="Display name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Give the environment a name.",
            "max_length": "A display name has at most 200 characters.",
        },
    )


class IssuerForm(forms.Form):
    """Another issuer of Vertesia's: its exact URL, as the token's `iss` has it."""

    url = forms.CharField(
        label="Issuer URL",
        max_length=255,
        help_text="Exactly as in the token's iss claim: https, no port, no query, no slash at the end.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "mono",
                "placeholder": "https://sts.us1.vertesia.io",
            }
        ),
        error_messages={
            "required": "Type the issuer's URL.",
            "max_length": "AWS takes an issuer URL of at most 255 characters.",
        },
    )
    label = forms.CharField(
        label="What it is for",
        max_length=100,
        required=False,
        help_text="Stands beside the URL wherever an issuer is chosen.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Vertesia, United States"}),
        error_messages={"max_length": "At most 100 characters."},
    )
    audience = forms.CharField(
        label="Audience",
        max_length=255,
        initial="bedrock",
        help_text="The token's aud claim. Vertesia signs tokens for Bedrock with bedrock.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        error_messages={"required": "Type the audience; for Vertesia it is bedrock."},
    )

    def clean_url(self) -> str:
        """The URL as typed, where AWS would take it; each refusal says what to change."""
        url = str(self.cleaned_data["url"])
        if sentence := find_fault(url):
            raise forms.ValidationError(sentence)
        if Issuer.objects.filter(url__iexact=url).exists():
            raise forms.ValidationError("This issuer is in the list already.")
        return url

    def clean_audience(self) -> str:
        audience = str(self.cleaned_data["audience"])
        if not re.match(AUDIENCE_PATTERN, audience):
            raise forms.ValidationError(
                "An audience has no spaces, none of * ? $ and only ordinary characters, as in bedrock."
            )
        return audience


def find_fault(url: str) -> str:
    """Why AWS would not take this issuer URL, as a sentence; empty where it would.

    The rules are those of CreateOpenIDConnectProvider
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no URL. It looks like https://sts.us1.vertesia.io."
    host = parts.hostname or ""
    if parts.scheme != "https":
        return "AWS trusts only issuers whose URL starts with https://."
    if port is not None or parts.netloc.endswith(":"):
        return "AWS takes no port in an issuer's URL. Leave it out."
    if "?" in url or "#" in url:
        return "AWS takes no query and no fragment in an issuer's URL. Leave out everything from ? or # on."
    if parts.username is not None:
        return "An issuer's URL holds no user name."
    if url.endswith("/"):
        return "Leave out the slash at the end: AWS compares the URL with the token's iss byte by byte."
    if parts.netloc != host:
        return "Write the host in lower case: AWS compares the URL with the token's iss byte by byte."
    if not re.fullmatch(r"[\x21-\x7e]+", url) or any(sign in url for sign in "*$<>\"'\\"):
        return "An issuer's URL holds no spaces and none of * $ < > and quotes."
    if not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*", host) or _is_address(host):
        return "AWS must reach the issuer by a public host name, as in sts.us1.vertesia.io."
    if host.endswith((".localhost", ".local", ".internal", ".test", ".invalid")):
        return "AWS cannot reach this host: it is not a public name."
    return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
