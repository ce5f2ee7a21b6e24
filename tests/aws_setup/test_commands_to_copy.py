"""Commands that a person copies: whatever others wrote into them, a shell takes it as one word."""

import shlex
from dataclasses import replace
from typing import Any

import pytest

from aws_setup.diagnosis import ErrorFacts, Problem, exchange, issuer, model_access, trust
from aws_setup.trust.evaluation import evaluate_trust
from aws_setup.trust.smallest_change import find_smallest_change
from aws_setup.trust.token_request import token_request
from tests.aws_setup.desires import desire

EVIL = "a';touch${IFS}owned;`id`#\n--profile"
ISSUER = f"https://sts.example.com/{EVIL}"
HOSTILE = replace(desire(), issuer_url=ISSUER, audience=EVIL)
FACTS = ErrorFacts("sts:AssumeRoleWithWebIdentity", "AccessDenied", f"no {EVIL}", "req-1")


def refused_trust() -> Problem:
    document: dict[str, Any] = {"Statement": [{**HOSTILE.own_statements[0], "Sid": EVIL}]}
    document["Statement"][0]["Condition"] = {"StringEquals": {f"{HOSTILE.condition_key_prefix}:sub": EVIL}}
    request = token_request(
        issuer_url=ISSUER,
        claims={"sub": HOSTILE.subject, "aud": EVIL},
        provider_arn=HOSTILE.provider_arn,
        session_name="s",
    )
    change = find_smallest_change(document, request)
    assert change is not None
    return trust.explain_trust(FACTS, HOSTILE, evaluate_trust(document, request), change)


PROBLEMS: dict[str, Problem] = {
    "provider missing": exchange.explain_provider_missing(FACTS, HOSTILE),
    "issuer renamed": exchange.explain_issuer_renamed(FACTS, HOSTILE, other_url=ISSUER),
    "audience missing": exchange.explain_audience_missing(FACTS, HOSTILE, None),
    "thumbprint": exchange.explain_thumbprint(FACTS, HOSTILE, None, computed=""),
    "issuer": issuer.explain_issuer_unreachable(FACTS, issuer_url=ISSUER, seen_from_here=""),
    "agreement": model_access.explain_agreement(HOSTILE, EVIL, {}),
    "lifecycle": model_access.explain_lifecycle(HOSTILE, EVIL, {}),
    "trust": refused_trust(),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_foreign_text_in_a_command_is_part_of_one_word(name: str) -> None:
    words = shlex.split(PROBLEMS[name].command)
    assert words[0] in ("aws", "curl")
    assert any("touch${IFS}owned" in word for word in words), "the text stands in the command"
    assert not [word for word in words if word.startswith(("touch", "--profile", "`", ";"))]
    assert shlex.join(words) == PROBLEMS[name].command
