"""What every template of the console needs: times, statuses, identifiers, JSON and its differences.

`{% load console %}`. Everything that comes from outside is escaped here, once.
"""

import difflib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


# --- Statuses: a colour, an icon and a word -------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How one status is drawn: `tone` is a CSS class suffix, `icon` a heroicon, `word` what stands beside it."""

    tone: str
    icon: str
    word: str


LOOKS = {
    # environments.models.Status
    "needs_attention": Look("bad", "exclamation-triangle", "Needs attention"),
    "waiting_for_approval": Look("wait", "hand-raised", "Waiting for approval"),
    "waiting_for_vertesia": Look("wait", "clock", "Waiting for Vertesia"),
    "setting_up": Look("busy", "arrow-path", "Setting up"),
    "proof_is_old": Look("quiet", "clock", "Proof is old"),
    "not_connected": Look("quiet", "minus-circle", "Not connected"),
    "disconnected": Look("quiet", "link-slash", "Disconnected"),
    "confirmed": Look("person", "user-circle", "Confirmed"),
    "connected": Look("good", "check-circle", "Connected"),
    "not_connectable": Look("quiet", "no-symbol", "Not connectable"),
    # aws_setup.models.Run.State
    "applying": Look("busy", "arrow-path", "Applying"),
    "handing_over": Look("busy", "arrow-path", "Telling Vertesia"),
    "verifying": Look("busy", "arrow-path", "Verifying"),
    "finishing": Look("busy", "arrow-path", "Finishing"),
    "succeeded": Look("good", "check-circle", "Succeeded"),
    "failed": Look("bad", "x-circle", "Failed"),
    # aws_setup.models.Step.State
    "pending": Look("quiet", "ellipsis-horizontal-circle", "Pending"),
    "running": Look("busy", "arrow-path", "Running"),
    "done": Look("good", "check-circle", "Done"),
    # aws_setup.models.Verification.State
    "proven": Look("good", "check-circle", "Proven"),
    "not_provable": Look("wait", "question-mark-circle", "Not provable from here"),
    # aws_setup.models.Check.Result
    "pass": Look("good", "check-circle", "Pass"),
    "fail": Look("bad", "x-circle", "Fail"),
    "skipped": Look("quiet", "minus-circle", "Skipped"),
    "not_run": Look("quiet", "ellipsis-horizontal-circle", "Not run"),
    # aws_setup.proofs.last_isolation.Shut
    "kept_out": Look("good", "shield-check", "Proven"),
    "kept_out_once": Look("quiet", "shield-check", "Proven a while ago"),
    "evaluated": Look("wait", "question-mark-circle", "Evaluated, not proven"),
    "lets_in": Look("bad", "shield-exclamation", "Lets others in"),
    # aws_setup.chain.LinkState
    "unproven": Look("quiet", "question-mark-circle", "Unproven"),
    "broken": Look("bad", "x-circle", "Broken"),
    "after_break": Look("quiet", "minus-circle", "Not reached"),
    # aws_setup.moves.standing.Stage
    "trusts_neither": Look("bad", "exclamation-triangle", "Neither"),
    "trusts_old": Look("wait", "minus-circle", "Old only"),
    "trusts_both": Look("busy", "plus-circle", "Both"),
    "trusts_new": Look("good", "check-circle", "New only"),
    # aws_setup.batches.standing.RowState, where no run has the same name
    "blocked": Look("bad", "no-symbol", "Cannot be planned"),
    "invalid": Look("bad", "exclamation-circle", "Not understood"),
    "outdated": Look("wait", "clock", "Plan ran out"),
    "gone": Look("quiet", "minus-circle", "Given up"),
    "editing": Look("quiet", "pencil-square", "Being edited"),
    "planning": Look("busy", "arrow-path", "Planning"),
    "planned": Look("wait", "hand-raised", "Waiting for approval"),
    # aws_setup.models.Observation.State, aws_setup.drift.differences.Severity
    "same": Look("good", "check-circle", "As agreed"),
    "different": Look("bad", "exclamation-triangle", "Different"),
    "breaks": Look("bad", "x-circle", "Breaks the connection"),
    "widens": Look("wait", "exclamation-triangle", "Lets more in"),
    "differs": Look("info", "information-circle", "Differs"),
    # aws_setup.models.Delivery.State
    "waiting": Look("wait", "clock", "Waiting"),
    "sent": Look("good", "check-circle", "Sent"),
    # aws_setup.proof_days.DayState
    "day_proven": Look("good", "check-circle", "Proven all day"),
    "day_partly": Look("wait", "exclamation-circle", "Failed part of the day"),
    "day_failed": Look("bad", "x-circle", "Failed all day"),
    "day_not_provable": Look("wait", "question-mark-circle", "Looked at, not provable from here"),
    "day_nothing": Look("quiet", "minus-circle", "Nothing proven"),
    # the worker's credentials
    "ready": Look("good", "check-circle", "Ready"),
    "not_checked": Look("quiet", "question-mark-circle", "Not checked"),
    "checking": Look("busy", "arrow-path", "Checking"),
}


@register.filter
def look(status: object) -> Look:
    """How a status is drawn; one that is unknown here is quiet and says its own name."""
    name = str(getattr(status, "value", status))
    return LOOKS.get(name) or Look("quiet", "question-mark-circle", name.replace("_", " ").capitalize())


@register.filter
def look_word(status: object) -> str:
    """The word of a status, where it stands without its icon."""
    return look(status).word


@register.filter
def status_now(environment: Any) -> object:
    """The environment's status at this moment: a proof may have grown old since it was stored."""
    return environment.status_at(timezone.now())


# --- Times: stored in UTC, shown relative, exact with its zone ------------------------------------------------

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def in_words(span: timedelta) -> str:
    """A length of time in its largest whole unit, as in `4 minutes`."""
    seconds = int(abs(span.total_seconds()))
    for size, unit in UNITS:
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "0 seconds"


def relative(moment_: datetime, *, now: datetime) -> str:
    """`4 minutes ago`, `in 2 hours`, `just now`."""
    span = moment_ - now
    if abs(span) < timedelta(seconds=5):
        return "just now"
    return f"in {in_words(span)}" if span > timedelta() else f"{in_words(span)} ago"


def exact(moment_: datetime) -> str:
    """`2026-11-23 14:05:09 UTC`."""
    return f"{moment_.astimezone(timezone.get_default_timezone()):%Y-%m-%d %H:%M:%S} UTC"


@register.simple_tag
def moment(value: datetime | None, never: str = "never", focus: bool = True) -> str:
    """A `<time>` that reads relative and tells the exact moment on hover, focus and print; `never` where None.

    With `focus=False` it is no tab stop of its own, for dense tables.
    """
    if value is None:
        return format_html("{}", never)
    return format_html(
        '<time datetime="{}" title="{}" data-relative{}>{}</time>',
        value.isoformat(timespec="seconds"),
        exact(value),
        mark_safe(' tabindex="0"') if focus else "",
        relative(value, now=timezone.now()),
    )


@register.simple_tag
def elapsed(since: datetime | None, until: datetime | None = None) -> str:
    """The time between two moments, which goes on counting while `until` is None; nothing without `since`."""
    if since is None:
        return ""
    span = in_words((until or timezone.now()) - since)
    if until:
        return format_html("<span>{}</span>", span)
    return format_html('<span data-since="{}">{}</span>', since.isoformat(timespec="seconds"), span)


# --- Identifiers ----------------------------------------------------------------------------------------------


@register.filter
def breakable(text: object) -> SafeString:
    """An ARN or URL that may break after `:` and `/`, and never inside a word."""
    return mark_safe(re.sub(r"([:/]+)", r"\1<wbr>", str(escape(str(text)))))  # noqa: S308 - escaped in the same line


@register.filter
def identifier(text: object) -> SafeString:
    """An id or ARN that may break only after `:` and `/`; not even at a hyphen."""
    parts = re.findall(r"[^:/]*[:/]+|[^:/]+", str(text))
    return format_html_join(mark_safe("<wbr>"), '<span class="word">{}</span>', ((part,) for part in parts))


@register.filter
def has_long_word(text: object) -> bool:
    """Whether part of an identifier is too long for a phone, so that it must be scrolled, also by keyboard."""
    return any(len(part) > 30 for part in re.split(r"[:/]", str(text)))


@register.filter
def dashed(account_id: str) -> str:
    """An account id as AWS's console shows it: 1234-5678-9012."""
    return "-".join((account_id[:4], account_id[4:8], account_id[8:])) if len(account_id) == 12 else account_id


@register.filter
def host(url: str) -> str:
    """The host of a URL; the text itself where it has none."""
    return urlsplit(url).netloc or url


@register.filter
def resource_name(resource: str) -> str:
    """What a person calls an AWS resource: the part of its ARN after the account, or the name itself."""
    return resource.split(":", 5)[-1] if resource.startswith("arn:") else resource


# --- JSON and its differences ---------------------------------------------------------------------------------


def _lines(value: object) -> list[str]:
    return [] if value is None else json.dumps(value, indent=2, sort_keys=False).splitlines()


@register.filter
def pretty_json(value: object) -> str:
    """JSON with an indent of two; policies that AWS wants as strings are opened."""
    return json.dumps(_opened(value), indent=2)


def _opened(value: object) -> object:
    if isinstance(value, dict):
        return {key: _opened(inner) for key, inner in value.items()}
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):  # others write such values too, nested as deeply as they like
            return value
    return value


@dataclass(frozen=True)
class DiffLine:
    """One line of a difference; `kind` is same, added or removed, `mark` the sign that says so without colour."""

    kind: str
    mark: str
    text: str


MOST_ALIKE = 20_000
"""Pairs of equal lines up to which two documents are compared line by line."""


@register.filter
def differences(action: dict[str, Any]) -> list[DiffLine]:
    """What an action changes, line by line, from its `before` to its `after`; empty where it shows neither.

    A comma at the end of a line, which comes and goes with what follows it, is no difference.
    """
    before, after = _lines(action.get("before")), _lines(action.get("after"))
    bare, new_bare = ([line.rstrip(",") for line in lines] for lines in (before, after))
    found = []
    for kind, start, end, new_start, new_end in _compare_lines(bare, new_bare):
        if kind == "equal":
            found += [DiffLine("same", "", line) for line in after[new_start:new_end]]
            continue
        found += [DiffLine("removed", "-", line) for line in before[start:end]]
        found += [DiffLine("added", "+", line) for line in after[new_start:new_end]]
    return found


def _compare_lines(before: list[str], after: list[str]) -> list[tuple[str, int, int, int, int]]:
    """As SequenceMatcher.get_opcodes. Where too many lines are alike, what lies between the same start and end is one
    change: matching them takes minutes, and a policy of ten thousand characters, which anybody may write, is enough.
    """
    numbers, new_numbers = Counter(before), Counter(after)
    if sum(number * new_numbers[line] for line, number in numbers.items()) <= MOST_ALIKE:
        return list(difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes())
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - start
    same = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    end, new_end = len(before) - same, len(after) - same
    return [
        ("equal", 0, start, 0, start),
        ("replace", start, end, start, new_end),
        ("equal", end, len(before), new_end, len(after)),
    ]


@register.filter
def kept(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The actions of a plan that leave as it is what was agreed; what others put there stands among the changes."""
    return [action for action in actions if action.get("verb") == "keep" and not action.get("before")]


# --- Navigation -----------------------------------------------------------------------------------------------

SECTIONS = {
    "overview": "overview",
    "accounts": "accounts",
    "account": "accounts",
    "provisioning": "accounts",
    "issuers": "issuers",
    "issuer": "issuers",
    "migrations": "issuers",
    "migration": "issuers",
    "notifications": "notifications",
    "sandbox": "sandbox",
    "real": "sandbox",
}


@register.simple_tag(takes_context=True)
def section(context: template.Context) -> str:
    """Which entry of the navigation the page belongs to, by the first word of its URL name."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = (match.url_name or "") if match else ""
    return SECTIONS.get(name.split("_")[0], "environments" if name else "")


@register.filter
def count(number: int, noun: str) -> str:
    """`1 role`, `3 roles`, `2,000 roles`; a plural of its own stands after a comma: `identity,identities`."""
    singular, _, plural = noun.partition(",")
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
