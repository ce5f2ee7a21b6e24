"""All that the local Vertesia remembers, and how it survives a restart."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict
from typing import Any

from aws_setup.sandbox.vertesia import seed
from aws_setup.sandbox.vertesia.faults import VertesiaFaults
from aws_setup.sandbox.vertesia.records import ApiKey, Environment, Project, wire_time
from aws_setup.sandbox.vertesia.signing import SigningKeys

DEFAULT_TOKEN_SECONDS = 3600


class Studio:
    """Writes count as lasting once whoever made them has told the sandbox's state that it changed."""

    def __init__(self) -> None:
        self.account = seed.ACCOUNT
        self.projects = {project.id: project for project in seed.PROJECTS}
        self.api_keys = seed.make_api_keys()
        self.environments = seed.make_environments()
        self.signing = SigningKeys()
        self.faults = VertesiaFaults()
        self.token_seconds = DEFAULT_TOKEN_SECONDS
        """How long a token lives that an API key was exchanged for."""

    def clear(self) -> None:
        """Back to the seed. The signing keys stay: an issuer does not forget its keys."""
        self.api_keys = seed.make_api_keys()
        self.environments = seed.make_environments()
        self.faults.clear()
        self.token_seconds = DEFAULT_TOKEN_SECONDS

    def project_of(self, key: ApiKey) -> Project:
        return self.projects[key.project_id]

    def find_key(self, value: str) -> ApiKey | None:
        """The key of this value, revoked ones included."""
        found = [key for key in self.api_keys.values() if hmac.compare_digest(key.value.encode(), value.encode())]
        return found[0] if found else None

    def add_environment(self, fields: dict[str, Any], *, by: str, now: float) -> Environment:
        made = Environment(
            # As MongoDB makes its ids: seconds, then what is by chance.
            id=f"{int(now):08x}{secrets.token_hex(8)}",
            fields={"enabled_models": [], "allowed_projects": []},
            created_by=by,
            created_at=wire_time(now),
            updated_by=by,
            updated_at=wire_time(now),
        )
        made.write(fields, by=by, now=now)
        self.environments[made.id] = made
        return made

    def to_json(self) -> dict[str, Any]:
        return {
            "api_keys": [asdict(key) for key in self.api_keys.values()],
            "environments": [asdict(environment) for environment in self.environments.values()],
            "signing": self.signing.to_json(),
            "token_seconds": self.token_seconds,
        }

    def load(self, saved: dict[str, Any]) -> None:
        self.api_keys = {row["id"]: ApiKey(**row) for row in saved["api_keys"]}
        self.environments = {row["id"]: Environment(**row) for row in saved["environments"]}
        self.signing.load(saved["signing"])
        self.token_seconds = saved["token_seconds"]
