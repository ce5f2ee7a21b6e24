"""What a person types to get in."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError

from environments.history import CONSOLE, OPERATING_SYSTEM_PREFIX


class SignInForm(AuthenticationForm):
    """Name and password. One answer for an unknown name, a wrong password and a person who may no longer enter."""

    username = UsernameField(label="Name", widget=forms.TextInput(attrs={"autofocus": True}))

    def read_name(self) -> str:
        """The name that was sent, as it is going to be looked up: without outer spaces, in Unicode's NFKC form."""
        return str(self.fields["username"].to_python(self["username"].data))

    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError("This name and password do not belong together. Both know upper from lower case.")

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active:
            raise self.get_invalid_login_error()


class LinkForm(forms.Form):
    """The name and password of the administrator that a sign-in link makes.

    A name that exists is refused until `replace` repeats it: the person has then read that its password is replaced.
    """

    token = forms.CharField(max_length=200)
    replace = forms.CharField(required=False, max_length=150)
    username = UsernameField(
        label="Name", max_length=150, validators=[UnicodeUsernameValidator()], widget=forms.TextInput
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=4096,
        help_text=password_validators_help_texts()[0],
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_username(self) -> str:
        """The name, unless history would read it as another actor than a person."""
        username = str(self.cleaned_data["username"])
        if username.casefold() == CONSOLE or username.casefold().startswith(OPERATING_SYSTEM_PREFIX):
            raise ValidationError("The history calls the console and its commands so. Choose another name.")
        return username

    existing_name = ""
    """Set where the form was refused because the name exists: what `replace` is to repeat."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        username, password = cleaned.get("username"), cleaned.get("password")
        if not username or not password:
            return cleaned
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            self.add_error("password", error)
            return cleaned
        if User.objects.filter(username=username).exists() and cleaned.get("replace") != username:
            self.existing_name = username
            self.add_error(
                None,
                f"There is already a person named {username}. To give {username} this new password, "
                f"type it once more and send the form again; otherwise choose another name.",
            )
        return cleaned
