"""The list we predict is the list that Vertesia's own driver gives: as it was recorded by driver/record.mjs."""

import json
from pathlib import Path

import pytest

from aws_setup.listing import predict_listing, studio_answer

RECORDINGS = sorted((Path(__file__).parent / "driver").glob("*.json"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_studio_gets_what_the_driver_gives(recording: Path) -> None:
    answers = json.loads(recording.read_text())
    given = answers.pop("studio")
    models = predict_listing(**answers)
    assert studio_answer(models) == (given or [])
    assert all(model.shown_in_studio != bool(model.reason) for model in models)
    assert len(models) == sum(len(answer or []) for answer in answers.values())


def test_there_is_something_to_compare_with() -> None:
    shown = {path.stem: json.loads(path.read_text())["studio"] for path in RECORDINGS}
    assert shown["foundation-refused"] is None
    assert len(shown["us-east-1"]) > 50
    assert {model["owner"] for model in shown["awkward"]} >= {"custom", "anthropic", "Z.AI"}
