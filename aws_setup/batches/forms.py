"""What a person gives for many environments at once: a table, pasted or as a file, and single rows of it."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from aws_setup.batches.rows import COLUMNS, EMPTY, REQUIRED
from aws_setup.diagnosis import Problem
from aws_setup.forms import PLAIN_INPUT

MOST_BYTES = 256 * 1024
_TOO_LARGE = "The table is larger than 256 KiB. Split it; nothing was taken up."


class TableForm(forms.Form):
    """The table, pasted or uploaded. After cleaning, `text` holds it either way."""

    title = forms.CharField(
        label="Name of this table",
        required=False,
        max_length=200,
        help_text="To find it again by.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Environments of the spring release"}),
    )
    table = forms.CharField(
        label="Paste it here",
        required=False,
        strip=False,
        help_text="Copied from Excel or Sheets, or CSV with commas or semicolons; the first line names the columns.",
        widget=forms.Textarea(
            attrs={"rows": 10, "class": "mono", "spellcheck": "false", "autocapitalize": "none", "wrap": "off"}
        ),
    )
    file = forms.FileField(
        label="Or a CSV file",
        required=False,
        allow_empty_file=True,
        help_text="At most 256 KiB and 500 rows.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    def clean_table(self) -> str:
        text = str(self.cleaned_data["table"])
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            raise forms.ValidationError(_TOO_LARGE)
        return text

    def clean_file(self) -> str:
        """The text of the file; empty where none was given."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is None:
            return ""
        if file.size is None or file.size > MOST_BYTES:
            raise forms.ValidationError(_TOO_LARGE)
        return decode_table(file.read())

    def clean(self) -> dict[str, Any]:
        pasted, uploaded = self.cleaned_data.get("table", ""), self.cleaned_data.get("file", "")
        if pasted.strip() and uploaded.strip():
            raise forms.ValidationError("Paste a table or choose a file: with both, it is not clear which counts.")
        self.cleaned_data["text"] = uploaded if uploaded.strip() else pasted
        return self.cleaned_data


def decode_table(content: bytes) -> str:
    """Text as spreadsheets save it: UTF-8, UTF-16 where a byte order mark says so, else Windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


class RowForm(forms.Form):
    """One row, as it was typed, cell by cell; what is wrong with it is for rows.read_row to say."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column in COLUMNS:
            self.fields[column] = forms.CharField(
                label=column.replace("_", " ").capitalize(),
                required=False,
                max_length=5000,
                widget=forms.TextInput(attrs=PLAIN_INPUT),
                help_text=_HELP.get(column, ""),
            )
            if column in REQUIRED:
                self.fields[column].widget.attrs["aria-required"] = "true"

    @property
    def typed(self) -> dict[str, str]:
        """Column and value, without those that hold nothing."""
        return {column: value for column in COLUMNS if (value := str(self.cleaned_data.get(column, "")))}

    def show_faults(self, problem: Problem) -> bool:
        """Put what is wrong beside the cells it is about; False where the problem is about no single cell."""
        if problem.code != "row_not_understood" or not self.is_valid() or not set(problem.evidence) <= set(self.fields):
            return False
        for column, fault in problem.evidence.items():
            self.add_error(column, f"This {fault}" if fault == EMPTY else fault)
        return True


_HELP = {
    "region": "As in us-east-1.",
    "account_id": "12 digits. Empty: the account of the worker's own credentials.",
    "issuer": "Its address. Empty: the organization's own.",
    "role_name": "Empty: made from the environment's name.",
    "permissions": "invoke, full, or the ARN of a policy. Empty: invoke.",
    "tags": "key=value, several separated by ; or |",
}
