"""One IAM call on its way through the sandbox."""

from __future__ import annotations

from dataclasses import dataclass

from aws_setup.sandbox.callers import Caller
from aws_setup.sandbox.parameters import Parameters
from aws_setup.sandbox.state import State


@dataclass(frozen=True)
class IamCall:
    """Authorised already when a handler gets it."""

    action: str
    caller: Caller
    parameters: Parameters
    state: State
    region: str

    @property
    def account_id(self) -> str:
        return self.caller.account_id

    def quota(self, name: str) -> int:
        return self.state.organization.quota(self.account_id, name)
