"""Access to Bedrock's models by account: the state of each model's availability, and the use case form."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from aws_setup.sandbox.catalogue import provider_of

EVERY_MODEL = "*"
NOT_ON_MARKETPLACE = ("Amazon", "DeepSeek", "Meta", "Mistral AI", "OpenAI", "Qwen")
"""https://docs.aws.amazon.com/bedrock/latest/userguide/model-access-product-ids.html"""
CHOICES: dict[str, tuple[str, ...]] = {
    "agreement": ("AVAILABLE", "PENDING", "NOT_AVAILABLE", "ERROR"),
    "authorization": ("AUTHORIZED", "NOT_AUTHORIZED"),
    "entitlement": ("AVAILABLE", "NOT_AVAILABLE"),
    "region": ("AVAILABLE", "NOT_AVAILABLE"),
    "lifecycle": ("ACTIVE", "LEGACY"),
}
"""What the control interface may set, with AWS's values."""
_FIRST_FORM = base64.b64encode(b'{"companyName": "Acme Sandbox", "useCases": "Nothing here touches AWS."}').decode()


@dataclass(frozen=True)
class Standing:
    """How a model stands for an account. `lifecycle` None leaves the catalogue's.

    LEGACY is told as well as refused: as to an account that did not use the model lately. The catalogue's own
    legacy models go on answering.
    """

    agreement: str = "AVAILABLE"
    authorization: str = "AUTHORIZED"
    entitlement: str = "AVAILABLE"
    region: str = "AVAILABLE"
    lifecycle: str | None = None


def needs_agreement(model_id: str) -> bool:
    """Whether the model is sold through AWS Marketplace."""
    return provider_of(model_id) not in NOT_ON_MARKETPLACE


class ModelAccess:
    """Every model is open to every account, the form is sent: until it is told otherwise."""

    def __init__(self) -> None:
        self._standings: dict[str, dict[str, Standing]] = {}
        self._forms: dict[str, str | None] = {}

    def standing(self, account_id: str, model_id: str) -> Standing:
        found = self._standings.get(account_id, {})
        standing = found.get(model_id) or found.get(EVERY_MODEL) or Standing()
        return standing if needs_agreement(model_id) else replace(standing, agreement="AVAILABLE")

    def change(self, account_id: str, model_id: str, wanted: Mapping[str, Any]) -> None:
        """Set some fields for one model or `*`, for all that have none of their own; None brings the default back.

        ValueError changes nothing.
        """
        if model_id != EVERY_MODEL and provider_of(model_id) is None:
            raise ValueError(f"the sandbox has no model {model_id!r}")
        for name, value in wanted.items():
            if name not in CHOICES:
                raise ValueError(f"access to a model has {', '.join(CHOICES)}")
            if value is not None and value not in CHOICES[name]:
                raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, or null")
        if wanted.get("agreement") is not None and model_id != EVERY_MODEL and not needs_agreement(model_id):
            raise ValueError(f"{model_id} is not sold through AWS Marketplace and needs no agreement")
        known = self._standings.setdefault(account_id, {})
        before = known.get(model_id) or known.get(EVERY_MODEL) or Standing()
        defaults = asdict(Standing())
        known[model_id] = replace(
            before, **{name: defaults[name] if value is None else value for name, value in wanted.items()}
        )

    def form(self, account_id: str) -> str | None:
        """The use case form as it was sent, in Base64; None when none was."""
        return self._forms.get(account_id, _FIRST_FORM)

    def put_form(self, account_id: str, form: str | None) -> None:
        self._forms[account_id] = form

    def bring_back_form(self, account_id: str) -> None:
        self._forms.pop(account_id, None)

    def of_account(self, account_id: str) -> dict[str, Any]:
        """What was changed for an account; the form itself is told to nobody here."""
        return {
            "models": {model_id: asdict(row) for model_id, row in self._standings.get(account_id, {}).items()},
            "is_form_sent": self.form(account_id) is not None,
        }

    def clear(self) -> None:
        self._standings.clear()
        self._forms.clear()

    def to_json(self) -> dict[str, Any]:
        """What `load` takes."""
        return {
            "standings": {
                account_id: {model_id: asdict(standing) for model_id, standing in found.items()}
                for account_id, found in self._standings.items()
            },
            "forms": self._forms,
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        self._standings = {
            account_id: {model_id: Standing(**row) for model_id, row in found.items()}
            for account_id, found in saved["standings"].items()
        }
        self._forms = dict(saved["forms"])
