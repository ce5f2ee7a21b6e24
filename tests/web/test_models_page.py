"""The models of an environment: what Studio will show, and why not the rest."""

import pytest
from django.test import Client
from django.urls import reverse

from aws_setup.model_list import ModelQuery, describe, group_models, publisher_name
from aws_setup.models import Check, Verification
from tests.factories import EnvironmentFactory
from tests.web.page_rows import long_ago, model, store_listing, verify
from tests.web.wizard_rows import make_connected, prepare, signed_in_client, text_of

pytestmark = pytest.mark.django_db
EMBEDDING = "Studio lists no embedding models."


@pytest.fixture
def client() -> Client:
    prepare()
    return signed_in_client()


@pytest.fixture
def connection(client):
    return make_connected(client)


def url(connection, query: str = "") -> str:
    return reverse("environment_models", args=[connection.environment_id]) + query


def some_models():
    return [
        model("Claude Sonnet", model_id="anthropic.claude-sonnet", inference_types=("ON_DEMAND",), streaming=True),
        model("Titan Embed", publisher="Amazon", reason=EMBEDDING, output_modalities=("EMBEDDING",)),
        model(
            "US Claude Sonnet",
            kind="profile",
            publisher="anthropic",
            model_id="us.anthropic.claude-sonnet",
            destination_regions=("us-east-1", "us-west-2"),
            foundation_model_arns=("arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet",),
        ),
    ]


def test_the_headline_says_how_many_studio_will_show_where_and_since_when(client, connection):
    store_listing(verify(connection), some_models())
    assert "Studio will show 2 of 3 · us-east-1 · proven just now" in text_of(client.get(url(connection)))


def test_shown_hidden_and_all_are_counted_and_kept_apart(client, connection):
    store_listing(verify(connection), some_models())
    shown, hidden, everything = (
        text_of(client.get(url(connection, f"?view={view}"))) for view in ("shown", "hidden", "all")
    )
    assert "Shown 2 Hidden 1 All 3" in shown
    assert "Titan Embed" not in shown
    assert "Claude Sonnet" not in hidden
    assert "Claude Sonnet" in everything
    assert "Titan Embed" in everything


def test_a_hidden_model_says_the_rule_that_hides_it(client, connection):
    store_listing(verify(connection), some_models())
    assert EMBEDDING in text_of(client.get(url(connection, "?view=hidden")))


def test_a_profile_stands_beneath_its_model_with_its_destination_regions(client, connection):
    store_listing(verify(connection), some_models())
    answer = client.get(url(connection))
    assert '<li class="profile' in answer.content.decode()
    assert "Profile: United States, 2 regions us-east-1 , us-west-2" in text_of(answer)


def test_studios_order_is_awss_order(client, connection):
    models = some_models()
    store_listing(verify(connection), [models[2], models[0]])
    text = text_of(client.get(url(connection, "?order=studio")))
    assert text.index("US Claude Sonnet") < text.index("anthropic.claude-sonnet", text.index("US Claude Sonnet") + 80)
    assert "Anthropic 2" not in text


def test_search_looks_in_names_ids_and_publishers(client, connection):
    store_listing(verify(connection), some_models())
    assert "Titan Embed" in text_of(client.get(url(connection, "?view=all&q=amazon")))
    nothing = text_of(client.get(url(connection, "?q=zzz")))
    assert "No model matches" in nothing


def test_typing_replaces_only_the_list(client, connection):
    store_listing(verify(connection), some_models())
    answer = client.get(url(connection, "?q=sonnet"), headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert answer["HX-Push-Url"].endswith("?q=sonnet")


def test_what_came_and_went_since_last_time_is_told(client, connection):
    store_listing(verify(connection, at=long_ago()), [model("Old one"), model("Stays")])
    store_listing(verify(connection), [model("Stays"), model("New one")])
    text = text_of(client.get(url(connection)))
    assert "Since last time: 1 added, 1 removed" in text
    assert "Added New one" in text
    assert "Removed Old one" in text


def test_before_the_first_verification_it_says_so(client):
    environment = EnvironmentFactory()
    text = text_of(client.get(reverse("environment_models", args=[environment.pk])))
    assert "Not verified yet" in text


def test_a_denied_listing_names_the_refused_action(client, connection):
    verify(connection, failed="foundation_models")
    Check.objects.filter(result="fail").update(detail="AWS denied bedrock:ListFoundationModels.")
    text = text_of(client.get(url(connection)))
    assert "AWS denied the listing" in text
    assert "bedrock:ListFoundationModels" in text


def test_a_verification_that_never_reached_bedrock_leads_to_the_cause(client, connection):
    Verification.objects.all().delete()
    verify(connection, failed="exchange")
    assert "The last verification did not get as far as Bedrock." in text_of(client.get(url(connection)))


def test_a_region_without_models_says_that_the_region_has_none(client, connection):
    store_listing(verify(connection), [])
    assert "This region offers no models" in text_of(client.get(url(connection)))


def test_an_earlier_listing_is_kept_and_marked_when_the_last_verification_failed(client, connection):
    store_listing(verify(connection, at=long_ago()), some_models())
    verify(connection, failed="exchange")
    text = text_of(client.get(url(connection)))
    assert "could not list models. What stands here is from the one before." in text
    assert "Claude Sonnet" in text


def test_what_the_worker_read_itself_is_not_called_proof(client, connection):
    proof = verify(connection)
    store_listing(proof, some_models())
    Verification.objects.filter(pk=proof.pk).update(state=Verification.State.NOT_PROVABLE)
    text = text_of(client.get(url(connection)))
    assert "not proof, read just now" in text
    assert "Studio will show 2" not in text


@pytest.mark.parametrize("query", ["?view=zzz", "?order=zzz", "?q=%00", "?q=" + "x" * 3000])
def test_rubbish_in_the_address_is_left_out(client, connection, query):
    store_listing(verify(connection), some_models())
    assert client.get(url(connection, query)).status_code == 200


def test_one_publisher_has_one_name_however_aws_writes_it():
    names = {publisher_name(model("x", publisher=written)) for written in ("Mistral AI", "mistral", "MistralAI")}
    assert names == {"Mistral AI"}
    assert publisher_name(model("x", publisher="Somebody New")) == "Somebody New"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"input_modalities": ("TEXT", "IMAGE"), "output_modalities": ("TEXT",)}, "text and images → text"),
        ({"input_modalities": ("TEXT",), "output_modalities": ("TEXT",)}, "text"),
        ({}, ""),
        ({"input_modalities": ("SCENT",), "output_modalities": ("TEXT",)}, "scent → text"),
    ],
)
def test_modalities_are_words(facts, words):
    assert describe(model("x", **facts)).modalities == words


def test_a_profile_whose_model_is_hidden_still_stands_with_its_publisher():
    groups = group_models(some_models()[2:], ModelQuery())
    assert [(group.name, len(group.rows), group.rows[0].is_beneath) for group in groups] == [("Anthropic", 1, False)]
