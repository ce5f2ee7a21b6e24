"""What a person chooses to let the sandbox fail."""

from django import forms

from aws_setup.fault_lab import ANY, CALLS, FAILURES
from aws_setup.models import Account

MOST_TIMES = 1000


def _list_accounts() -> list[tuple[str, str]]:
    return [(ANY, "Any account"), *((one.account_id, str(one)) for one in Account.objects.all())]


class FaultForm(forms.Form):
    """`failure`, `call`, `account` and `times` as fault_lab takes them."""

    failure = forms.ChoiceField(label="What goes wrong", choices=[(name, one.title) for name, one in FAILURES.items()])
    call = forms.ChoiceField(
        label="Call",
        choices=[(ANY, "Any call"), *((group, [(call, call) for call in calls]) for group, calls in CALLS.items())],
    )
    account = forms.ChoiceField(label="AWS account", choices=_list_accounts)
    times = forms.IntegerField(
        label="How often",
        min_value=1,
        max_value=MOST_TIMES,
        required=False,
        initial=1,
        help_text="Empty: until all failures are cleared.",
        error_messages={"invalid": "Type a whole number, or nothing."},
    )

    def clean_times(self) -> int:
        """0 for until cleared."""
        return self.cleaned_data["times"] or 0
