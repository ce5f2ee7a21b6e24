"""What a plan does, in words short enough for the button that does it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ActionData = Mapping[str, Any]
"""A plan.Action as it is stored."""

VERBS = ("create", "change", "remove")
KINDS = (("provider", "identity provider"), ("role", "role"))


@dataclass(frozen=True)
class Effect:
    """Numbers of things by (verb, kind); a role with its policies is one thing."""

    counts: dict[tuple[str, str], int]

    def count(self, verb: str, kind: str) -> int:
        return self.counts.get((verb, kind), 0)

    def phrase(self, verb: str) -> str:
        """As in `create 1 identity provider and 2 roles`; empty where the plan does nothing of the kind."""
        parts = [
            f"{number} {words}{'s' if number > 1 else ''}"
            for kind, words in KINDS
            if (number := self.count(verb, kind))
        ]
        return f"{verb} {' and '.join(parts)}" if parts else ""


def measure_effect(actions: Sequence[ActionData]) -> Effect:
    """What the actions do to how many things: making a role covers its policies, and so does deleting it."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for action in actions:
        if action["verb"] == "keep":
            continue
        if "OpenIDConnectProvider" in action["action"]:
            thing, whole = ("provider", action["resource"]), {"CreateOpenIDConnectProvider": "create"}
        else:
            thing, whole = ("role", action["resource"]), {"CreateRole": "create", "DeleteRole": "remove"}
        verbs.setdefault(thing, set()).add(whole.get(action["action"], "change"))
    counts: dict[tuple[str, str], int] = {}
    for (kind, _), of_thing in verbs.items():
        verb = next(verb for verb in ("create", "remove", "change") if verb in of_thing)
        counts[verb, kind] = counts.get((verb, kind), 0) + 1
    return Effect(counts)


def plan_effect(actions: Sequence[ActionData], account: str, *, accepts: int = 0) -> str:
    """What the approve button says: `Create 1 identity provider and 1 role in 1234-5678-9012`.

    `account` is the account id with dashes, `accepts` the number of differences that become part of the agreement.
    """
    effect = measure_effect(actions)
    phrases = [phrase for verb in VERBS if (phrase := effect.phrase(verb))]
    if accepts:
        phrases = [f"accept {accepts} difference{'s' if accepts > 1 else ''}", *(phrases or ["change nothing"])]
    if not phrases:
        return f"Change nothing in {account}, verify only"
    sentence = ", ".join(phrases)
    return f"{sentence[0].upper()}{sentence[1:]} in {account}"


def plan_assurances(actions: Sequence[ActionData]) -> list[str]:
    """What stands above the approve button, as far as it is true of this plan."""
    effect = measure_effect(actions)
    removed_parts = any(action["verb"] == "remove" for action in actions) and not effect.count("remove", "role")
    sentences = ["Nothing has been written yet."]
    if roles := effect.count("remove", "role"):
        sentences.append(f"Deletes {roles} role{'s' if roles > 1 else ''} that this console made, and nothing else.")
    elif removed_parts:
        sentences.append("Takes permissions from a role that this console made; deletes nothing else.")
    else:
        sentences.append("Deletes nothing.")
    if effect.count("change", "provider"):
        sentences.append("Adds an audience to an identity provider that others may use; takes nothing from it.")
    else:
        sentences.append("Changes nothing of others.")
    return sentences
