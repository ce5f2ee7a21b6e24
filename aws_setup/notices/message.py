"""The words of a mail and the JSON of a webhook, for findings that were opened or closed. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["opened", "opened_and_closed", "closed"]

KINDS: tuple[Kind, ...] = ("opened", "opened_and_closed", "closed")
"""In the order in which a message tells them."""
WORDS: dict[Kind, str] = {
    "opened": "opened",
    "opened_and_closed": "opened and closed again",
    "closed": "closed",
}
SECURITY = "security"
"""The severity of what comes first and is named in the subject: somebody may get in who must not."""
MOST_IN_MAIL = 20
MOST_IN_WEBHOOK = 500
"""Some 400 KB: more than that few receivers take."""
LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Change:
    """One finding that was opened, closed, or both within one window; `closed_at` is None while it is open."""

    kind: Kind
    environment_name: str
    environment_id: str
    organization_name: str
    organization_id: str
    code: str
    severity: str
    sentence: str
    why: str
    remedy: str
    opened_at: datetime
    closed_at: datetime | None
    url: str

    @property
    def is_security(self) -> bool:
        return self.severity == SECURITY


@dataclass(frozen=True)
class Message:
    """What one channel is told: `subject` in one line, `body` as it is sent."""

    subject: str
    body: str


def merge_kinds(kinds: Iterable[str]) -> Kind:
    """What one finding's notices of one window come to."""
    seen = set(kinds)
    if len(seen) > 1:
        return "opened_and_closed"
    return "opened" if "opened" in seen else "closed"


def sort_changes(changes: Iterable[Change]) -> list[Change]:
    """Security first; then what is new, before what is over; then by environment."""
    return sorted(
        changes, key=lambda one: (not one.is_security, KINDS.index(one.kind), one.environment_name.lower(), one.code)
    )


def summarize(changes: Sequence[Change]) -> str:
    """One line, as a mail's subject: the one finding, or how many there are."""
    if len(changes) == 1:
        one = changes[0]
        told = "1 new finding" if one.kind == "opened" else f"1 finding {WORDS[one.kind]}"
        line = f"{told}: {one.environment_name}: {one.sentence}"
    else:
        counts = [(sum(one.kind == kind for one in changes), WORDS[kind]) for kind in KINDS]
        (first, word), *rest = [(number, word) for number, word in counts if number]
        noun = "finding" if first == 1 else "findings"
        line = ", ".join([f"{first} {noun} {word}", *(f"{number} {word}" for number, word in rest)])
    if any(one.is_security for one in changes):
        line = f"Security: {line}"
    return _one_line(line, at_most=LONGEST_SUBJECT)


def write_mail(changes: Sequence[Change], *, public_url: str) -> Message:
    """A plain-text mail: what is wrong, why, what to do, and where; the first twenty, and how many more there are."""
    subject = summarize(changes)
    named = [_paragraph(one) for one in changes[:MOST_IN_MAIL]]
    if (left_out := len(changes) - len(named)) > 0:
        named.append(f"And {left_out:,} more. All that needs attention stands first at\n{public_url}/environments/")
    return Message(subject, "\n\n".join([*named, _foot(public_url)]) + "\n")


def write_webhook(changes: Sequence[Change], *, now: datetime) -> Message:
    """A payload as Standard Webhooks recommends it; `left_out` says how many findings there was no room for.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure
    """
    data = {
        "findings": [_to_json(one) for one in changes[:MOST_IN_WEBHOOK]],
        "left_out": max(0, len(changes) - MOST_IN_WEBHOOK),
    }
    return Message(summarize(changes), _payload("findings.changed", data, now=now))


def write_test_mail(*, public_url: str) -> Message:
    """What “Send a test” mails."""
    text = "This is a test. Findings that are opened and closed will reach you like this."
    return Message("Test: notifications of Vertesia AWS Setup", f"{text}\n\n{_foot(public_url)}\n")


def write_test_webhook(*, public_url: str, now: datetime) -> Message:
    """What “Send a test” posts: a type of its own, so that no receiver takes it for a finding."""
    data = {"sentence": "This is a test.", "url": f"{public_url}/notifications/"}
    return Message("Test: notifications of Vertesia AWS Setup", _payload("notifications.test", data, now=now))


def _paragraph(one: Change) -> str:
    moment = one.closed_at if one.kind == "closed" and one.closed_at else one.opened_at
    security = "Security: " if one.is_security else ""
    heading = f"{security}{one.environment_name} · {one.organization_name}, {WORDS[one.kind]} {_exact(moment)}"
    lines = [_one_line(heading), _one_line(one.sentence)]
    if one.kind == "opened":
        lines += [_one_line(text) for text in (one.why, one.remedy and f"What to do: {one.remedy}") if text]
    return "\n".join([*lines, one.url])


def _foot(public_url: str) -> str:
    return f"-- \nVertesia AWS Setup at {public_url}\nWho gets this is set where the console runs, in NOTIFY_EMAILS."


def _to_json(one: Change) -> dict[str, str | None]:
    return {
        "kind": one.kind,
        "environment_id": one.environment_id,
        "organization_id": one.organization_id,
        "name": one.environment_name,
        "code": one.code,
        "severity": one.severity,
        "sentence": one.sentence,
        "remedy": one.remedy,
        "opened_at": one.opened_at.isoformat(timespec="seconds"),
        "closed_at": one.closed_at.isoformat(timespec="seconds") if one.closed_at else None,
        "url": one.url,
    }


def _payload(kind: str, data: Mapping[str, object], *, now: datetime) -> str:
    payload = {"type": kind, "timestamp": now.isoformat(timespec="seconds"), "data": data}
    return json.dumps(payload, separators=(",", ":"))


def _exact(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _one_line(text: str, *, at_most: int = 2000) -> str:
    """Without line breaks and control characters: names are other people's, and must not end a header or a line."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= at_most else f"{line[: at_most - 1]}…"
