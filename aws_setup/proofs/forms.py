"""How often a person wants a connection to be proven."""

from django import forms

from aws_setup.models import VERIFICATION_INTERVALS
from aws_setup.proofs.schedule import describe_interval

DEFAULT = "default"


def _list_intervals() -> list[tuple[str, str]]:
    hours = [*(one for one in VERIFICATION_INTERVALS if one), 0]
    intervals: list[tuple[str, int | None]] = [(DEFAULT, None), *((str(one), one) for one in hours)]
    return [(value, describe_interval(one).capitalize()) for value, one in intervals]


def _read_interval(value: str) -> int | None:
    return None if value == DEFAULT else int(value)


class ScheduleForm(forms.Form):
    """`every` as schedule.change_interval takes it."""

    every = forms.TypedChoiceField(label="To be proven", choices=_list_intervals, coerce=_read_interval)
