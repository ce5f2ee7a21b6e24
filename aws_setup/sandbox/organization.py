"""What stands above an account: its service and resource control policies, and its quotas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.policy_documents import check_identity_policy, check_resource_control_policy

EVERY_ACCOUNT = "*"
QUOTAS = {
    "RolesQuota": 1000,
    "AssumeRolePolicySizeQuota": 2048,
    "ClientIdsPerOpenIdConnectProvider": 100,
}
"""AWS's defaults: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class Organization:
    """Kept in memory only: a restart forgets it."""

    def __init__(self) -> None:
        self.policies: dict[str, str] = {}
        """Service control policy by account; an account that is missing here may do everything."""
        self.resource_policies: dict[str, str] = {}
        """Resource control policy by account."""
        self._quotas: dict[str, dict[str, int]] = {}

    def quota(self, account_id: str, name: str) -> int:
        for owner in (account_id, EVERY_ACCOUNT):
            if name in self._quotas.get(owner, {}):
                return self._quotas[owner][name]
        return QUOTAS[name]

    def set_quotas(self, account_id: str, wanted: Mapping[str, Any]) -> None:
        """For one account or `*`; None brings a quota's default back. ValueError changes nothing."""
        for name, value in wanted.items():
            if name not in QUOTAS:
                raise ValueError(f"quotas are {', '.join(QUOTAS)}")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(f"{name} must be a whole number, 0 or more, or null")
        merged = self._quotas.get(account_id, {}) | dict(wanted)
        self._quotas[account_id] = {name: value for name, value in merged.items() if value is not None}

    def set_policy(self, account_id: str, document: Any) -> None:
        """The service control policy. None takes it away. ValueError for what is no policy."""
        _put(self.policies, account_id, document, check=check_identity_policy)

    def set_resource_policy(self, account_id: str, document: Any) -> None:
        """The resource control policy. None takes it away. ValueError for what is no policy."""
        _put(self.resource_policies, account_id, document, check=check_resource_control_policy)

    def clear(self) -> None:
        self.policies.clear()
        self.resource_policies.clear()
        self._quotas.clear()


def _put(policies: dict[str, str], account_id: str, document: Any, *, check: Callable[[str], None]) -> None:
    if document is None:
        policies.pop(account_id, None)
        return
    text = json.dumps(document)
    try:
        check(text)
    except AwsError as error:
        raise ValueError(str(error)) from error
    policies[account_id] = text
