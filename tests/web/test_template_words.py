"""What templates say of times, statuses, identifiers and differences."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from aws_setup.batches.standing import RowState
from aws_setup.chain import LinkState
from aws_setup.models import Check, Delivery, Run, Step, Verification
from aws_setup.proof_days import DayState
from config.looks import LOOKS, find_look
from config.templatetags.console import count, differences, identifier, pretty_json, relative
from environments.models import Status

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "states", [Status, Run.State, Step.State, Verification.State, Check.Result, RowState, Delivery.State]
)
def test_every_status_has_a_look_and_says_its_own_label(states):
    for value, label in states.choices:
        assert value in LOOKS
        assert find_look(value).word == label


def test_every_state_of_a_link_has_a_look():
    assert all(state.value in LOOKS for state in LinkState)


def test_every_state_of_a_day_has_a_look():
    assert all(state.value in LOOKS for state in DayState)


def test_an_unknown_status_says_its_name_quietly():
    assert (find_look("half_done").tone, find_look("half_done").word) == ("quiet", "Half done")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-2), "just now"),
        (timedelta(seconds=-59), "59 seconds ago"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=-5), "5 hours ago"),
        (timedelta(days=-3), "3 days ago"),
        (timedelta(hours=2), "in 2 hours"),
    ],
)
def test_times_are_relative(span, words):
    assert relative(NOW + span, now=NOW) == words


def test_a_time_tells_its_exact_moment_with_its_zone():
    html = Template("{% load console %}{% moment at %}").render(Context({"at": NOW}))
    assert 'datetime="2026-11-23T12:00:00+00:00"' in html
    assert 'title="2026-11-23 12:00:00 UTC"' in html
    assert Template("{% load console %}{% moment at %}").render(Context({"at": None})) == "never"


def test_an_identifier_breaks_only_between_its_parts_and_is_escaped():
    assert identifier("arn:aws:iam::1:role/a-b") == (
        '<span class="word">arn:</span><wbr><span class="word">aws:</span><wbr><span class="word">iam::</span><wbr>'
        '<span class="word">1:</span><wbr><span class="word">role/</span><wbr><span class="word">a-b</span>'
    )
    assert "<b>" not in identifier("<b>")


@pytest.mark.parametrize(("number", "words"), [(0, "0 roles"), (1, "1 role"), (2000, "2,000 roles")])
def test_things_are_counted_in_words(number, words):
    assert count(number, "role") == words
    assert count(2, "identity,identities") == "2 identities"


def test_a_difference_marks_what_comes_and_what_goes():
    lines = differences({"before": ["blobs", "old"], "after": ["blobs", "bedrock"]})
    assert [(line.mark, line.text.strip()) for line in lines if line.kind != "same"] == [
        ("-", '"old"'),
        ("+", '"bedrock"'),
    ]
    assert differences({"before": None, "after": None}) == []


def test_a_comma_that_comes_with_the_next_line_is_no_difference():
    lines = differences({"before": ["blobs"], "after": ["blobs", "bedrock"]})
    assert [(line.mark, line.text.strip()) for line in lines if line.kind != "same"] == [("+", '"bedrock"')]


def test_policies_that_aws_wants_as_text_are_opened_for_reading():
    assert '"Version": "2012-10-17"' in pretty_json({"PolicyDocument": '{"Version":"2012-10-17"}'})
    assert pretty_json("{not json") == '"{not json"'


def test_a_value_that_others_nested_too_deeply_is_shown_as_the_text_it_is():
    assert "[[[[" in pretty_json({"Condition": {"StringEquals": {"aws:userid": '{"a":' + "[" * 2000}}})


def test_documents_of_lines_that_are_all_alike_are_compared_at_once():
    before = {"Action": ["a:*", "a:*", "b:*"] * 500, "Resource": "*"}
    after = {"Action": ["b:*", "a:*"] * 700, "Resource": "*"}
    started = time.process_time()
    lines = differences({"before": before, "after": after})
    assert time.process_time() - started < 5
    texts = {
        kind: "\n".join(line.text for line in lines if line.kind in ("same", kind)) for kind in ("removed", "added")
    }
    assert json.loads(texts["removed"]) == before
    assert json.loads(texts["added"]) == after
    assert [line.kind for line in lines[:2]] == ["same", "same"]
