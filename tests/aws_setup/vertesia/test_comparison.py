"""Vertesia's list beside the predicted one: each difference with its reason."""

from typing import Any

import pytest

from aws_setup.listing import Facts, PredictedModel
from aws_setup.vertesia.comparison import compare_lists, fits_hint
from environments.vertesia.answers import AIModel

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude"
NOVA, CLAUDE = (f"arn:aws:bedrock:us-east-1::foundation-model/{name}" for name in ("amazon.nova", "anthropic.claude"))


def predicted(model_id: str, kind: Any = "foundation", *, hidden: str = "") -> PredictedModel:
    return PredictedModel(model_id, model_id.rsplit("/", 1)[-1], "Amazon", kind, not hidden, hidden, Facts())


def listed(model_id: str, **changes: Any) -> AIModel:
    values = {"id": model_id, "name": model_id.rsplit("/", 1)[-1], "provider": "bedrock", "owner": "Amazon"} | {
        "description": "", "is_custom": None, "can_stream": None, "tool_support": None,
        "input_modalities": (), "output_modalities": ("text",),
    }  # fmt: skip
    return AIModel(**values | changes)


def test_equal_lists_are_as_predicted() -> None:
    found = compare_lists([predicted(NOVA), predicted(CLAUDE, hidden="On demand only.")], [listed(NOVA)])
    assert found.sentence == "Vertesia lists 1 models, as predicted from what AWS lists"
    assert [(model.id, model.shown_in_studio) for model in found.models] == [(NOVA, True), (CLAUDE, False)]


def test_a_kind_that_is_missing_as_a_whole_is_explained_by_the_permission() -> None:
    found = compare_lists([predicted(NOVA), predicted(PROFILE, "profile")], [listed(NOVA)])
    assert found.missing_kinds == ("profile",)
    assert "bedrock:ListInferenceProfiles" in found.missing[0].why
    assert found.models[1].reason == found.missing[0].why


def test_one_that_is_missing_among_others_is_said_to_be() -> None:
    found = compare_lists([predicted(NOVA), predicted(CLAUDE)], [listed(NOVA)])
    assert found.missing_kinds == ()
    assert found.sentence == "Vertesia lists 1 models; 2 were predicted: 1 predicted and missing there"
    assert f"missing: {CLAUDE.rsplit('/', 1)[-1]}" in found.evidence


def test_one_that_would_be_hidden_names_the_rule() -> None:
    found = compare_lists([predicted(NOVA, hidden="It stands on a later page.")], [listed(NOVA)])
    assert found.extra[0].why.endswith("It stands on a later page.")
    assert found.models[0].shown_in_studio


@pytest.mark.parametrize(
    ("unread", "words"), [(["profile"], "may not call bedrock:ListInferenceProfiles"), ([], "does not list it")]
)
def test_one_that_is_not_known_here_depends_on_what_could_be_read(unread: Any, words: str) -> None:
    found = compare_lists([predicted(NOVA)], [listed(NOVA), listed(PROFILE)], unread=unread)
    assert words in found.extra[0].why
    assert (found.models[1].kind, found.models[1].facts.output_modalities) == ("profile", ("TEXT",))


def test_only_so_many_differences_are_shown_and_the_rest_counted() -> None:
    many = [predicted(f"{NOVA}-{number}") for number in range(50)]
    found = compare_lists(many, [listed(CLAUDE)])
    assert found.evidence["missing, more"] == "30 others"


@pytest.mark.parametrize(
    ("hint", "fits"),
    [
        ("arn:...Role", True),
        ("arn:…Role", True),
        ("...Role", True),
        ("arn:...role", False),
        ("AKIA...3xQf", False),
        ("...", False),
        ("", False),
        ("arn:aws:iam::111122223333:role/Role", False),
    ],
)
def test_a_hint_fits_where_both_ends_do(hint: str, fits: bool) -> None:
    assert fits_hint("arn:aws:iam::111122223333:role/Role", hint) is fits
