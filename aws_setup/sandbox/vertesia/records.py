"""What Vertesia keeps: an account (Studio calls it organization), its projects, API keys and environments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aws_setup.sandbox.wire import Json

READ_PERMISSIONS = ("account:read", "account:member", "interaction:read", "run:read")
ADMIN_PERMISSIONS = (*READ_PERMISSIONS, "account:write", "account:admin", "environment:admin", "project:admin")
PERMISSIONS_BY_ROLE = {"admin": ADMIN_PERMISSIONS, "reader": READ_PERMISSIONS}
"""Names as in the official clients' `Permission`; which role carries which is not public: believed."""


@dataclass(frozen=True)
class Account:
    id: str
    name: str

    def to_ref(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True)
class Project:
    id: str
    name: str
    account_id: str

    def to_ref(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name, "account": self.account_id}


@dataclass
class ApiKey:
    """`value` is what its owner was told once. A key belongs to one project."""

    id: str
    name: str
    role: str
    project_id: str
    value: str = field(repr=False)
    is_enabled: bool = True
    may_issue_environment_tokens: bool = False
    are_tokens_refused: bool = False
    """Whether the API also refuses the tokens that the key got before."""

    @property
    def permissions(self) -> tuple[str, ...]:
        return PERMISSIONS_BY_ROLE[self.role]


@dataclass
class Environment:
    """`fields` holds what may be written, all but `apiKey`; the key is kept apart, as Vertesia keeps it."""

    id: str
    fields: dict[str, Any]
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str
    api_key: str = field(default="", repr=False)

    @property
    def provider(self) -> str:
        return str(self.fields["provider"])

    @property
    def allowed_projects(self) -> list[str]:
        return list(self.fields.get("allowed_projects", []))

    def to_json(self, account_id: str) -> dict[str, Json]:
        """ExecutionEnvironment. `apiKey` is the hint where a key is stored, and there is neither where none is."""
        masked = {"apiKey": mask(self.api_key), "apikey_hint": mask(self.api_key)} if self.api_key else {}
        return {
            "id": self.id,
            **self.fields,
            **masked,
            "account": account_id,
            "created_by": self.created_by,
            "updated_by": self.updated_by,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }

    def write(self, changes: dict[str, Any], *, by: str, now: float) -> None:
        """Store what is named, and nothing else. A mask that comes back is a key like any other: it is stored."""
        written = dict(changes)
        if "apiKey" in written:
            self.api_key = written.pop("apiKey")
        self.fields |= written
        self.updated_by, self.updated_at = by, wire_time(now)


def mask(key: str) -> str:
    """First and last characters, as in "AKIA...3xQf"; of a short key, the last ones alone."""
    return f"{key[:4]}...{key[-4:]}" if len(key) > 8 else f"...{key[-2:]}"


def wire_time(now: float) -> str:
    """A time as Vertesia writes it, in milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
