"""AWS's quotas that a plan could run into, and what to say where it would. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import re
import shlex
from collections.abc import Sequence

from aws_setup.diagnosis import DOCS, Blocked, Problem
from aws_setup.names import dashed
from aws_setup.observed import ObservedProvider, Quotas
from aws_setup.plans.actions import policy_text
from aws_setup.policies import PolicyDocument

AUDIENCES_QUOTA = 100
"""Client IDs of one identity provider; not adjustable, and not in GetAccountSummary."""
_QUOTAS_PAGE = f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html"


def measure_policy(document: PolicyDocument) -> int:
    """A document's size as IAM counts it: characters, white space aside."""
    return len(re.sub(r"\s", "", policy_text(document)))


def require_room_for_role(quotas: Quotas | None, *, account_id: str, roles: int = 1) -> None:
    """Raise Blocked where the account has no room for so many roles more; what is not known blocks nothing."""
    if quotas is None or quotas.roles is None or quotas.roles_quota is None:
        return
    free = quotas.roles_quota - quotas.roles
    if roles > free:
        raise Blocked(
            Problem(
                code="roles_quota",
                sentence=f"Account {dashed(account_id)} has room for {max(0, free)} more roles; this needs {roles}.",
                why=f"It holds {quotas.roles} roles of at most {quotas.roles_quota}. Nothing was written.",
                remedy="Remove roles that nobody uses, or ask for a higher quota “Roles per account” in Service "
                "Quotas; then plan again.",
                command="aws iam get-account-summary",
                link=_QUOTAS_PAGE,
                fix="plan",
            )
        )


def explain_shortage(*, account_id: str, free: int, roles: int, rows: Sequence[int]) -> Problem:
    """Many plans together make more roles than the account has room for; `rows` are their places in the table."""
    room = f"room for {free} more role{'' if free == 1 else 's'}" if free else "no room for another role"
    return Problem(
        code="roles_quota_together",
        sentence=f"Account {dashed(account_id)} has {room}, and this table needs {roles}.",
        why=f"A role is to be created for rows {list_numbers(rows)}. Nothing was written.",
        remedy="Remove roles that nobody uses, or ask for a higher quota “Roles per account” in Service Quotas; then "
        "plan these rows again. Single rows can be approved on their own page meanwhile.",
        command="aws iam get-account-summary",
        link=_QUOTAS_PAGE,
        fix="plan",
    )


def list_numbers(numbers: Sequence[int]) -> str:
    """As in `1–3, 7 and 9`: runs of three and more are drawn together."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    parts = [
        part
        for found in ranges
        for part in ([f"{found[0]}–{found[-1]}"] if len(found) > 2 else [str(number) for number in found])
    ]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def require_room_for_trust(quotas: Quotas | None, trust: PolicyDocument, *, role_name: str) -> None:
    """Raise Blocked where IAM would refuse a trust policy of this size."""
    limit = quotas.trust_size_quota if quotas else None
    size = measure_policy(trust)
    if limit is not None and size > limit:
        raise Blocked(
            Problem(
                code="trust_size_quota",
                sentence=f"The trust policy of role {role_name} would have {size} characters, and this account takes "
                f"{limit}.",
                why="IAM counts the characters of a trust policy, white space aside. Nothing was written.",
                remedy="Ask for a higher quota “Role trust policy length” in Service Quotas, or give the environment a "
                "role of its own.",
                command="aws iam get-account-summary --query SummaryMap.AssumeRolePolicySizeQuota",
                link=_QUOTAS_PAGE,
                fix="plan",
            )
        )


def too_many_audiences(provider: ObservedProvider, *, audience: str) -> Problem:
    """The provider's list is full."""
    return Problem(
        code="audiences_quota",
        sentence=f"The identity provider lists {len(provider.audiences)} audiences already, and IAM takes "
        f"{AUDIENCES_QUOTA}.",
        why=f"Audience {audience} is not among them, and those of others are not taken away. Nothing was written.",
        remedy="Let an administrator remove an audience that nobody uses; then plan again.",
        command=f"aws iam get-open-id-connect-provider --open-id-connect-provider-arn {shlex.quote(provider.arn)}",
        link=_QUOTAS_PAGE,
        fix="plan",
        evidence={"provider": provider.arn},
    )
