"""Vertesia's first state: one organization, and its fixed, fake API keys."""

from __future__ import annotations

from aws_setup.sandbox.vertesia.records import Account, ApiKey, Environment, Project

ACCOUNT = Account("66f2a1c08d4b3e9f17c0ac3e", "Acme")
MARKETING = Project("66f2a1c08d4b3e9f17c0b001", "Marketing", ACCOUNT.id)
RESEARCH = Project("66f2a1c08d4b3e9f17c0b002", "Research", ACCOUNT.id)
PROJECTS = (MARKETING, RESEARCH)

ADMIN_KEY = "sk-sandbox-admin-not-a-secret"
READER_KEY = "sk-sandbox-reader-not-a-secret"
REVOKED_KEY = "sk-sandbox-revoked-not-a-secret"
ISSUING_KEY = "sk-sandbox-issuing-not-a-secret"

_CREATED_BY = "user:66f2a1c08d4b3e9f17c0d001"
_CREATED_AT = "2026-09-01T08:00:00.000Z"


def make_api_keys() -> dict[str, ApiKey]:
    """By id. Only the issuing key may have tokens of environments; the public API does not say which real one may."""
    keys = (
        ApiKey("66f2a1c08d4b3e9f17c0a001", "Console", "admin", MARKETING.id, ADMIN_KEY),
        ApiKey("66f2a1c08d4b3e9f17c0a002", "Read only", "reader", MARKETING.id, READER_KEY),
        ApiKey("66f2a1c08d4b3e9f17c0a003", "Former colleague", "admin", MARKETING.id, REVOKED_KEY, is_enabled=False),
        ApiKey(
            *("66f2a1c08d4b3e9f17c0a004", "Console with tokens", "admin", MARKETING.id, ISSUING_KEY),
            may_issue_environment_tokens=True,
        ),
    )
    return {key.id: key for key in keys}


def make_environments() -> dict[str, Environment]:
    """By id. The third Bedrock environment is not allowed for the keys' project: only `?all=true` lists it."""
    return {
        environment.id: environment
        for environment in (
            _environment("e001", "Bedrock Virginia", "bedrock", "us-east-1", [MARKETING.id, RESEARCH.id]),
            _environment("e002", "Bedrock Ireland", "bedrock", "eu-west-1", [MARKETING.id]),
            _environment("e003", "Bedrock Tokyo", "bedrock", "ap-northeast-1", [RESEARCH.id]),
            _environment("e004", "OpenAI", "openai", "", [MARKETING.id, RESEARCH.id], api_key="sk-proj-not-a-secret"),
        )
    }


def _environment(
    ending: str, name: str, provider: str, region: str, projects: list[str], *, api_key: str = ""
) -> Environment:
    fields = {"name": name, "provider": provider, "enabled_models": [], "allowed_projects": projects}
    return Environment(
        id=f"66f2a1c08d4b3e9f17c0{ending}",
        fields=fields | ({"endpoint_url": region} if region else {}),
        created_by=_CREATED_BY,
        created_at=_CREATED_AT,
        updated_by=_CREATED_BY,
        updated_at=_CREATED_AT,
        api_key=api_key,
    )
