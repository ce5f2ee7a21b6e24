"""In what two agreements differ, in words. Pure."""

import json
from dataclasses import dataclass

from aws_setup.desired import DesiredState
from aws_setup.names import dashed
from aws_setup.policies import name_policy
from aws_setup.trust.statements import as_list, describe_statement, statements_of


@dataclass(frozen=True)
class Change:
    """One thing that was agreed otherwise."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before or 'none'} → {self.after or 'none'}"


def compare_agreements(before: DesiredState, after: DesiredState) -> list[Change]:
    """What the second asks for otherwise than the first, as a person would name it; empty where nothing differs."""
    pairs = zip(_words(before).items(), _words(after).values(), strict=True)
    return [Change(what, old, new) for (what, old), new in pairs if old != new]


def _words(desired: DesiredState) -> dict[str, str]:
    return {
        "Outcome": "disconnected" if desired.is_absent else "connected",
        "AWS account": dashed(desired.account_id),
        "AWS region": desired.region,
        "Role name": desired.role_name,
        "Subject": desired.subject,
        "Issuer": desired.issuer_url,
        "Also trusted": ", ".join(url for url, _ in desired.also_trusts),
        "Audience": desired.audience,
        "Permissions": desired.attached_policy_arn or _inline_permissions(desired),
        "Permissions boundary": desired.boundary_arn,
        "Maximum session": f"{desired.max_session_seconds} seconds",
        "Tags": ", ".join(f"{key}={value}" for key, value in desired.tags),
        "Statements of others in the trust policy": "; ".join(
            describe_statement(statement) for statement in desired.kept_statements
        ),
        "Policies of others": ", ".join(
            name if document else name_policy(name) for name, document in desired.accepted_policies
        ),
        "Role made by": "somebody else" if desired.is_adopted else "this console",
    }


def _inline_permissions(desired: DesiredState) -> str:
    if not desired.own_policy:
        return "List and invoke"
    actions = [
        str(action) for one in statements_of(json.loads(desired.own_policy)) for action in as_list(one.get("Action"))
    ]
    return f"A policy as somebody changed it: {', '.join(sorted(set(actions)))}"
