"""Regions that are off for an account: without STS, or not enabled at all.

Which account counts is believed: the caller's for AssumeRole (https://github.com/awsdocs/iam-user-guide/pull/283),
the role's for an unsigned call, which has no other.
"""

from __future__ import annotations

import re
from typing import Any

from aws_setup.sandbox.errors import INVALID_TOKEN, AwsError

ALWAYS_ON = "us-east-1"
"""Where AWS lets nobody turn STS off; also the region of its global endpoint."""
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d")
_ENDPOINT = re.compile(rf"/region/({_REGION.pattern})/?")


class Regions:
    """Every region is on for every account until it is told otherwise."""

    def __init__(self) -> None:
        self.without_sts: dict[str, list[str]] = {}
        self.disabled: dict[str, list[str]] = {}

    def turn_off(self, account_id: str, *, without_sts: Any = None, disabled: Any = None) -> None:
        """Replace the lists of an account; an empty one puts all of them on. ValueError changes nothing."""
        for names in (without_sts, disabled):
            if names is not None:
                _check(names)
        if without_sts is not None:
            self.without_sts[account_id] = sorted(set(without_sts))
        if disabled is not None:
            self.disabled[account_id] = sorted(set(disabled))

    def check_enabled(self, account_id: str, region: str) -> None:
        """AwsError for a signed call where the account's credentials are not known.

        Bedrock spells it UnrecognizedClientException: https://github.com/aws/chalice/issues/1445
        """
        if region in self.disabled.get(account_id, ()):
            raise AwsError("InvalidClientTokenId", INVALID_TOKEN, 403)

    def check_sts(self, account_id: str, region: str) -> None:
        """AwsError RegionDisabledException where STS gives out no credentials.

        GetCallerIdentity answers all the same: https://github.com/aws/aws-sdk-go-v2/issues/2846.
        Words: https://github.com/turbot/steampipe-plugin-aws/issues/1510
        """
        if region in (*self.without_sts.get(account_id, ()), *self.disabled.get(account_id, ())):
            raise AwsError(
                "RegionDisabledException",
                f"STS is not activated in this region for account:{account_id}. "
                "Your account administrator can activate STS in this region using the IAM Console.",
                403,
            )

    def clear(self) -> None:
        self.without_sts.clear()
        self.disabled.clear()


def region_of_endpoint(path: str) -> str | None:
    """The region whose endpoint of IAM or STS this path is; None where it is none's.

    An unsigned call carries no region, and AWS has a host for each. The sandbox has a path instead,
    `/region/eu-west-1`; its root is AWS's global endpoint.
    """
    if path == "/":
        return ALWAYS_ON
    match = _ENDPOINT.fullmatch(path)
    return match.group(1) if match else None


def _check(names: Any) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) and _REGION.fullmatch(name) for name in names):
        raise ValueError("regions must be a list of names such as eu-west-1")
    if ALWAYS_ON in names:
        raise ValueError(f"{ALWAYS_ON} cannot be turned off")
