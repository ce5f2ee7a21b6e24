"""How the sandbox is started: its command line and its environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PROPAGATION_SECONDS = 6.0


@dataclass(frozen=True)
class Settings:
    """`port` 0 takes the port of the last start, or a free one. `propagation_seconds` 0 turns the wait off."""

    state_dir: Path
    url_file: Path
    port: int = 0
    propagation_seconds: float = DEFAULT_PROPAGATION_SECONDS

    @property
    def vertesia_url_file(self) -> Path:
        """Gets the local Vertesia's address."""
        return self.url_file.with_name("vertesia.url")


def read_settings(arguments: Sequence[str], *, environ: Mapping[str, str] = os.environ) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m aws_setup.sandbox",
        description="A local AWS (IAM, STS, Bedrock) on loopback, as strict as AWS. Nothing here touches AWS.",
    )
    parser.add_argument("--state-dir", type=Path, required=True, help="where accounts, roles and sessions are kept")
    parser.add_argument(
        "--url-file",
        type=Path,
        required=True,
        help="gets the address as soon as it answers; `vertesia.url` beside it, the local Vertesia's",
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default): the last one, or a free one")
    parser.add_argument(
        "--propagation",
        type=float,
        default=environ.get("SANDBOX_PROPAGATION_SECONDS", str(DEFAULT_PROPAGATION_SECONDS)),
        metavar="SECONDS",
        help="how long a new role takes to become assumable (default 6; 0 = at once)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.propagation < 0:
        parser.error("--propagation cannot be negative")
    return Settings(chosen.state_dir, chosen.url_file, chosen.port, chosen.propagation)
