"""What Bedrock offers in a region: foundation models, system inference profiles, custom models.

The figures are those of real regions as far as they are public (AWS's model cards and profile tables, 2026),
thinned out: enough of every kind to meet what a console meets. They grow old; that does no harm.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Profile:
    """A system inference profile as seen from one region. An empty destination is AWS's "any region"."""

    id: str
    name: str
    model_id: str
    description: str
    destinations: tuple[str, ...]
    created: str

    def arn(self, region: str, account_id: str) -> str:
        return f"arn:aws:bedrock:{region}:{account_id}:inference-profile/{self.id}"

    def model_arns(self) -> list[str]:
        return [f"arn:aws:bedrock:{region}::foundation-model/{self.model_id}" for region in self.destinations]


@dataclass(frozen=True)
class Model:
    """A foundation model as seen from one region."""

    id: str
    name: str
    provider: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    is_streaming: bool
    inference_types: tuple[str, ...]
    customizations: tuple[str, ...]
    lifecycle: dict[str, str]

    def arn(self, region: str) -> str:
        return f"arn:aws:bedrock:{region}::foundation-model/{self.id}"


@dataclass(frozen=True)
class CustomModel:
    name: str
    arn: str
    base_arn: str
    base_name: str
    customization: str
    created: str


@dataclass(frozen=True)
class Offer:
    models: dict[str, Model]
    profiles: dict[str, Profile]


@cache
def offer(region: str) -> Offer:
    """Everything offered in a region; empty where Bedrock is not, or not in this catalogue."""
    data = _data()
    geographies: dict[str, Any] = data["geographies"]
    models: dict[str, Model] = {}
    profiles: dict[str, Profile] = {}
    for row in data["models"]:
        sources = [name for name in row.get("profiles", ()) if region in geographies[name]["sources"]]
        types = _inference_types(row, region, has_profile=bool(sources))
        if not types:
            continue
        models[row["id"]] = _model(row, types)
        for name in sources:
            profile = _profile(row, region, name, geographies[name])
            profiles[profile.id] = profile
    return Offer(models, profiles)


def custom_models(account_id: str, region: str) -> list[CustomModel]:
    return [
        CustomModel(
            name=row["name"],
            arn=f"arn:aws:bedrock:{region}:{account_id}:custom-model/{row['id']}",
            base_arn=f"arn:aws:bedrock:{region}::foundation-model/{row['base']}",
            base_name=row["base_name"],
            customization=row["customization"],
            created=row["created"],
        )
        for row in _data()["custom_models"]
        if row["account"] == account_id and row["region"] == region
    ]


@cache
def provider_of(model_id: str) -> str | None:
    """Who makes a model; None for one that is offered nowhere."""
    return next((row["provider"] for row in _data()["models"] if row["id"] == model_id), None)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_FILE.read_text())
    return data


def _inference_types(row: dict[str, Any], region: str, *, has_profile: bool) -> tuple[str, ...]:
    if region in row.get("on_demand", ()):
        return ("ON_DEMAND",)
    if has_profile:
        return ("INFERENCE_PROFILE",)
    return ("PROVISIONED",) if region in row.get("provisioned", ()) else ()


def _model(row: dict[str, Any], types: tuple[str, ...]) -> Model:
    lifecycle = {"status": row["status"], "startOfLifeTime": f"{row['start']}T00:00:00Z"}
    for key, name in (("legacy", "legacyTime"), ("end", "endOfLifeTime")):
        if key in row:
            lifecycle[name] = f"{row[key]}T00:00:00Z"
    return Model(
        id=row["id"],
        name=row["name"],
        provider=row["provider"],
        input=tuple(row["input"]),
        output=tuple(row["output"]),
        is_streaming=row["streaming"],
        inference_types=types,
        customizations=tuple(row.get("customizations", ())),
        lifecycle=lifecycle,
    )


def _profile(row: dict[str, Any], region: str, prefix: str, geography: dict[str, Any]) -> Profile:
    title = f"{row['provider']} {row['name']}"
    destinations = tuple(geography["destinations"])
    if prefix == "global":
        where = "all commercial AWS Regions"
        destinations = (region, *destinations)
    else:
        where = f"{', '.join(destinations[:-1])} and {destinations[-1]}"
    return Profile(
        id=f"{prefix}.{row['id']}",
        name=f"{geography['label']} {title}",
        model_id=row["id"],
        description=f"Routes requests to {title} in {where}.",
        destinations=destinations,
        created=f"{row['start']}T00:00:00Z",
    )
