"""What a person chooses to let the sandbox fail."""

from django import forms

from aws_setup.lab.faults import ANY, CALLS, FAILURES, describe_number
from aws_setup.models import Account


def _list_accounts() -> list[tuple[str, str]]:
    return [(ANY, "Any account"), *((one.account_id, str(one)) for one in Account.objects.all())]


class FaultForm(forms.Form):
    """`failure`, `call`, `account` and `times` as faults.request_fault takes them."""

    failure = forms.ChoiceField(label="What goes wrong", choices=[(name, one.title) for name, one in FAILURES.items()])
    call = forms.ChoiceField(
        label="Call",
        choices=[(ANY, "Any call"), *((group, [(call, call) for call in calls]) for group, calls in CALLS.items())],
    )
    account = forms.ChoiceField(label="AWS account", choices=_list_accounts)
    times = forms.TypedChoiceField(
        label="How often",
        choices=[(times, describe_number(times).capitalize()) for times in (1, 2, 5, 20, 0)],
        coerce=int,
    )
