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

from config.looks import find_look

register = template.Library()


# --- Statuses: a colour, an icon and a word -------------------------------------------------------------------

register.filter("look", find_look)


@register.filter
def look_word(status: object) -> str:
    """The word of a status, where it stands without its icon."""
    return find_look(status).word


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
    "explain": "overview",
    "accounts": "accounts",
    "account": "accounts",
    "provisioning": "accounts",
    "issuers": "issuers",
    "issuer": "issuers",
    "migrations": "issuers",
    "migration": "issuers",
    "notifications": "notifications",
    "vertesia": "vertesia",
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
