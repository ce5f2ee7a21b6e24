"""Every call that the sandbox offers, by the name that its log uses."""

from __future__ import annotations

from aws_setup.sandbox import agreements, bedrock, bedrock_runtime, iam

OPERATIONS: dict[str, str] = (
    dict.fromkeys([*iam.HANDLERS, *iam.HANDED_ON], "iam")
    | dict.fromkeys(["AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"], "sts")
    | {name: "bedrock" for names in bedrock.OPERATIONS.values() for name in names if name}
    | dict.fromkeys(agreements.OPERATIONS.values(), "bedrock")
    | {name: "bedrock" for name, _ in bedrock_runtime.OPERATIONS.values()}
)
"""Call → service."""
