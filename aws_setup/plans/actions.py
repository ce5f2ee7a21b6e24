"""The actions of a plan, as values: what they ask of AWS, whether they are the same, what they come to. Pure."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from aws_setup.canonical import canonical
from aws_setup.desired import DesiredState
from aws_setup.policies import PolicyDocument

Verb = Literal["create", "change", "remove", "keep"]


REPLACING = (
    "DeleteRole",
    "DeleteRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
)
"""Calls after which a document that stood there is gone; the others add something, or take a mere name away."""


@dataclass(frozen=True)
class Action:
    """One call to AWS with its exact request, or (verb `keep`) the note that nothing is to be done.

    `request` holds boto3's keyword arguments; `before` and `after` are for a person to compare.
    """

    action: str
    verb: Verb
    resource: str
    summary: str
    why: str
    request: dict[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    after_proof: bool = False
    service: str = "iam"

    @property
    def key(self) -> str:
        """Equal for two actions that send AWS the same request and, where a document goes by that, the same one.

        So what somebody else wrote into a policy after the plan was seen is not overwritten, or deleted, unseen.
        """
        replaced = self.before if self.action in REPLACING else None
        return canonical([self.service, self.action, self.request, replaced])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


def policy_text(document: PolicyDocument) -> str:
    """A policy document as it is sent to IAM; key order is kept, so equal documents give equal requests."""
    return json.dumps(document, separators=(",", ":"))


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as IAM takes them, in one order, so that equal tags give equal requests."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def count_tags(keys: Collection[str]) -> str:
    """As in `2 tags`."""
    return f"{len(keys)} tag{'s' if len(keys) > 1 else ''}"


def fingerprint(desired: DesiredState, actions: Iterable[Action]) -> str:
    """SHA-256 over account, partition, desired state and every request."""
    content = {
        "account": desired.account_id,
        "partition": desired.partition,
        "desired": desired.to_json(),
        "requests": [action.key for action in actions if action.verb != "keep"],
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def writes(actions: Iterable[Action]) -> list[Action]:
    """The actions that change something."""
    return [action for action in actions if action.verb != "keep"]


def find_unapproved(current: Iterable[Action], *, approved: Iterable[Action]) -> list[Action]:
    """The writes that were not part of what was approved: new or different since. Empty: the approval still covers."""
    approved, current = list(approved), list(current)
    keys = {action.key for action in approved}
    new = [action for action in writes(current) if action.key not in keys]
    return [*new, *_find_unseen(current, approved)] if writes(current) else []


def _find_unseen(current: list[Action], approved: list[Action]) -> list[Action]:
    """What others have put on a role since: whoever approved that Vertesia is let in saw the role without it."""
    seen = {(action.action, canonical(action.before)) for action in approved}
    return [
        action
        for action in current
        if action.verb == "keep" and action.before and (action.action, canonical(action.before)) not in seen
    ]
