"""What the sandbox remembers beside IAM's objects, and how all of it survives a restart."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.clock import Clock
from aws_setup.sandbox.faults import Faults
from aws_setup.sandbox.lateness import Lateness
from aws_setup.sandbox.model_access import ModelAccess
from aws_setup.sandbox.organization import Organization
from aws_setup.sandbox.propagation import Propagation
from aws_setup.sandbox.regions import Regions
from aws_setup.sandbox.vertesia.studio import Studio

FORMAT = 1
LARGEST_PAGE = 1000


@dataclass
class Session:
    """Temporary credentials of an assumed role. `expires` is in seconds since 1970.

    `role_id` ties them to that very role: they end when it is deleted, even if one of the same name follows.
    """

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    account_id: str
    role_name: str
    role_id: str
    name: str
    expires: float
    policy: str = ""

    @property
    def arn(self) -> str:
        """The role's path is dropped, as AWS does."""
        return f"arn:aws:sts::{self.account_id}:assumed-role/{self.role_name}/{self.name}"


class State:
    """The one mutable thing in the process. Call `changed()` after every write."""

    def __init__(self, propagation_seconds: float) -> None:
        self.configured_propagation_seconds = propagation_seconds
        self.propagation = Propagation(propagation_seconds)
        self.sessions: dict[str, Session] = {}
        self.stopped_issuers: set[str] = set()
        self.faults = Faults()
        self.lateness = Lateness()
        self.organization = Organization()
        self.clock = Clock()
        self.regions = Regions()
        self.model_access = ModelAccess()
        self.vertesia = Studio()
        self.private_certificates: dict[str, str] = {}
        """Issuer URL → thumbprint of the private authority that vouches for it."""
        self.default_page_size = LARGEST_PAGE
        """Of Bedrock's lists, where a call names none; AWS does not document its own."""
        self.is_dirty = False

    def changed(self) -> None:
        self.is_dirty = True

    def add_session(self, session: Session) -> None:
        now = self.clock.now()
        # AWS goes on answering ExpiredToken for a while after the end; so do we, for an hour.
        for key in [key for key, old in self.sessions.items() if old.expires < now - 3600]:
            del self.sessions[key]
        self.sessions[session.access_key_id] = session
        self.changed()

    def clear(self) -> None:
        """Back to nothing; the caller seeds the accounts anew."""
        emulator.clear()
        self.sessions.clear()
        self.stopped_issuers.clear()
        self.faults.clear()
        self.lateness.clear()
        self.organization.clear()
        self.clock.offset_seconds = 0.0
        self.regions.clear()
        self.model_access.clear()
        self.vertesia.clear()
        self.private_certificates.clear()
        self.default_page_size = LARGEST_PAGE
        self.propagation.clear()
        self.propagation.time.seconds = self.configured_propagation_seconds
        self.changed()

    def serialize(self) -> str:
        self.is_dirty = False
        return json.dumps(
            {
                "format": FORMAT,
                "iam": emulator.dump(),
                "sessions": [asdict(session) for session in self.sessions.values()],
                "stopped_issuers": sorted(self.stopped_issuers),
                "clock_offset_seconds": self.clock.offset_seconds,
                "regions": {"without_sts": self.regions.without_sts, "disabled": self.regions.disabled},
                "model_access": self.model_access.to_json(),
                "private_certificates": self.private_certificates,
                "default_page_size": self.default_page_size,
                "vertesia": self.vertesia.to_json(),
            }
        )

    def load(self, path: Path) -> bool:
        """Take over what a former process saved; False when there is nothing, or nothing readable."""
        try:
            saved: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        if saved.get("format") != FORMAT:
            return False
        emulator.restore(saved["iam"])
        self.sessions = {row["access_key_id"]: Session(**row) for row in saved["sessions"]}
        self.stopped_issuers = set(saved["stopped_issuers"])
        if "model_access" in saved:  # A state from before there was any of it has none of it.
            self.clock.offset_seconds = saved["clock_offset_seconds"]
            self.regions.without_sts, self.regions.disabled = (
                saved["regions"]["without_sts"],
                saved["regions"]["disabled"],
            )
            self.model_access.load(saved["model_access"])
            self.private_certificates = saved["private_certificates"]
            self.default_page_size = saved["default_page_size"]
        if "vertesia" in saved:  # A state from before there was one keeps the seed.
            self.vertesia.load(saved["vertesia"])
        return True


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old text or the new one, never a part; only the owner may read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    temporary.replace(path)
