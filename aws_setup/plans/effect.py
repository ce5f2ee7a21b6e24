"""What a plan does, in words short enough for the button that does it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_setup.desired import ADOPTED_TAG

ActionData = Mapping[str, Any]
"""An actions.Action as it is stored."""

VERBS = ("create", "change", "give back", "remove")
KINDS = (("provider", "identity provider"), ("role", "role"))


@dataclass(frozen=True)
class Effect:
    """Numbers of things by (verb, kind); a role with its policies is one thing."""

    counts: dict[tuple[str, str], int]

    def count(self, verb: str, kind: str) -> int:
        return self.counts.get((verb, kind), 0)

    @property
    def removes_something(self) -> bool:
        return any(verb in ("remove", "give back") for verb, _ in self.counts)

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
            thing = ("provider", action["resource"])
            whole = {"CreateOpenIDConnectProvider": "create", "DeleteOpenIDConnectProvider": "remove"}
        else:
            thing, whole = ("role", action["resource"]), {"CreateRole": "create", "DeleteRole": "remove"}
        verb = "give back" if _gives_back(action) else whole.get(action["action"], "change")
        verbs.setdefault(thing, set()).add(verb)
    counts: dict[tuple[str, str], int] = {}
    for (kind, _), of_thing in verbs.items():
        verb = next(verb for verb in ("create", "remove", "give back", "change") if verb in of_thing)
        counts[verb, kind] = counts.get((verb, kind), 0) + 1
    return Effect(counts)


def _gives_back(action: ActionData) -> bool:
    """The last thing done to a role that was in this console's care: the tag that says so goes."""
    return action["action"] == "UntagRole" and ADOPTED_TAG in action.get("request", {}).get("TagKeys", ())


def plan_effect(actions: Sequence[ActionData], account: str, *, is_absent: bool = False, accepts: int = 0) -> str:
    """What the approve button says: `Create 1 identity provider and 1 role in 1234-5678-9012`.

    `account` is the account id with dashes; `is_absent`: the plan is to disconnect; `accepts` is the number of
    differences that become part of the agreement.
    """
    effect = measure_effect(actions)
    phrases = [phrase for verb in VERBS if (phrase := effect.phrase(verb))]
    if accepts:
        phrases = [f"accept {accepts} difference{'s' if accepts > 1 else ''}", *(phrases or ["change nothing"])]
    if not phrases:
        return f"Change nothing in {account}, {'disconnect here' if is_absent else 'verify'} only"
    sentence = ", ".join(phrases)
    return f"{sentence[0].upper()}{sentence[1:]} in {account}"


def plan_assurances(actions: Sequence[ActionData], *, is_adopted: bool = False) -> list[str]:
    """What stands above the approve button, as far as it is true of this plan.

    `is_adopted`: somebody else made the role, and consented to what this console does in it.
    """
    effect = measure_effect(actions)
    sentences = ["Nothing has been written yet.", _say_deletions(actions, effect, is_adopted=is_adopted)]
    names = {action["action"] for action in actions if action["verb"] != "keep"}
    if effect.count("give back", "role"):
        sentences.append("Gives a role back to whoever made it: only what this console put there is taken out.")
    elif is_adopted and effect.count("change", "role"):
        sentences.append("Changes a role that somebody else made, as was consented to; their other statements stay.")
    if "AddClientIDToOpenIDConnectProvider" in names:
        sentences.append("Adds an audience to an identity provider that others may use; takes nothing from it.")
    if "RemoveClientIDFromOpenIDConnectProvider" in names:
        sentences.append("Takes an audience off an identity provider whose other audiences stay; no role needs it.")
    if len(sentences) == 2:
        sentences.append("Changes nothing of others.")
    return sentences


def _say_deletions(actions: Sequence[ActionData], effect: Effect, *, is_adopted: bool) -> str:
    if deleted := effect.phrase("remove"):
        return f"Deletes {deleted.removeprefix('remove ')} that this console made, and nothing else."
    takes = any(action["verb"] == "remove" and "Policy" in action["action"] for action in actions)
    if takes and not effect.count("give back", "role"):
        whose = "is in this console's care" if is_adopted else "this console made"
        return f"Takes permissions from a role that {whose}; deletes nothing else."
    return "Deletes nothing."
