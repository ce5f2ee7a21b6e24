"""The models of an environment: what Studio will show, and why not the rest."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from aws_setup.listing import FOUNDATION_UNREAD, LATER_PAGE, predict_listing
from aws_setup.model_list import ModelQuery, describe, group_models, publisher_name
from aws_setup.models import Account, Check, Verification
from aws_setup.stored_listings import find_or_store_listing
from tests.aws_setup.summaries import CLAUDE_PROFILE, foundation
from tests.factories import EnvironmentFactory
from tests.web.page_rows import long_ago, model, store_listing, verify
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db
EMBEDDING = "Studio lists no embedding models."
ON_DEMAND = foundation()


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


def store(connection, first_page=None, *, failed: str = "", before=None, **answers):
    """A verification that lists what AWS answered, all but what `failed`."""
    answers = {"foundation_models": [ON_DEMAND], "custom_models": [], "inference_profiles": [CLAUDE_PROFILE]} | answers
    proof = verify(connection, failed=failed, at=before)
    if failed:
        Check.objects.filter(verification=proof, check_name=failed).update(detail="AWS said no", remedy="Allow it.")
        answers[failed] = None
    proof.listing = find_or_store_listing(predict_listing(first_page, **answers))
    proof.save()
    return proof


def test_a_listing_that_failed_says_what_studio_will_lose_and_how_much_there_was(client, connection):
    store(connection, before=long_ago())
    store(connection, failed="inference_profiles")
    text = text_of(client.get(url(connection)))
    assert "Studio will show 1 of 1 that could be listed · us-east-1 · not proof, read just now" in text
    assert "Studio will leave out every inference profile, without a word." in text
    assert "Last time AWS listed 1." in text
    assert f"Role {connection.role_name} must be allowed bedrock:ListInferenceProfiles" in text
    assert "AWS said no" in text
    assert "removed" not in text


def test_what_the_worker_could_not_look_at_is_not_known(client, connection):
    proof = store(connection, inference_profiles=None)
    Verification.objects.filter(pk=proof.pk).update(state=Verification.State.NOT_PROVABLE)
    proof.checks.filter(check_name="inference_profiles").update(
        result="skipped", detail="The worker may not look: denied", evidence={"unread": True}
    )
    text = text_of(client.get(url(connection)))
    assert "What Studio will show of inference profiles is not known." in text
    assert "Allow the worker bedrock:ListInferenceProfiles" in text
    assert "The worker may not look: denied" in text
    assert "without a word" not in text


def test_without_foundation_models_nothing_is_shown_and_nothing_offered_to_compare(client, connection):
    store(connection, failed="foundation_models")
    answer = client.get(url(connection))
    text = text_of(answer)
    assert "Studio will show no model at all." in text
    assert "Studio will show none of these models" in text
    assert "studio.json" not in answer.content.decode()
    assert FOUNDATION_UNREAD in text_of(client.get(url(connection, "?view=hidden")))


def test_what_stands_on_a_later_page_is_warned_of_and_hidden_by_its_rule(client, connection):
    store(connection, {"inference_profiles": 0})
    text = text_of(client.get(url(connection, "?view=hidden")))
    assert "Studio will lose 1 of 1 inference profiles." in text
    assert "Which they are US Anthropic Claude X" in text
    assert LATER_PAGE["profile"] in text


def test_models_that_come_to_an_end_are_warned_of_and_marked(client, connection):
    day = (timezone.now() + timedelta(days=30)).date().isoformat()
    store(connection, foundation_models=[ON_DEMAND | {"modelLifecycle": {"status": "LEGACY", "endOfLifeTime": day}}])
    text = text_of(client.get(url(connection)))
    assert f"2 models come to their end soon, the first on {day}." in text
    assert f"Claude X Legacy until {day}" in text


def test_a_listing_without_loss_warns_of_nothing(client, connection):
    store(connection)
    answer = client.get(url(connection))
    assert answer.context["cautions"] == []
    assert "Studio will show 2 of 2 ·" in text_of(answer)


def test_warnings_are_of_the_listing_that_is_shown_and_not_of_a_later_failure(client, connection):
    store(connection, before=long_ago())
    verify(connection, failed="custom_models")
    text = text_of(client.get(url(connection)))
    assert "What stands here is from the one before." in text
    assert "Listing custom models failed." in text
    assert "without a word" not in text


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        ("aws", "The first call to any other subscribes the account"),
        ("aws-us-gov", "go through the linked commercial account first"),
        ("aws-eusc", "AWS's general page on model access does not speak of it"),
    ],
)
def test_access_to_models_is_explained_as_the_partition_has_it(client, connection, partition, words):
    Account.objects.update(partition=partition)
    texts = [text_of(client.get(url(connection)))]
    store(connection)
    texts.append(text_of(client.get(url(connection))))
    for text in texts:
        assert words in text
        assert "A model that is listed may still be closed" in text


def test_an_environment_without_connection_gets_the_access_of_its_region(client):
    environment = EnvironmentFactory(endpoint_url="us-gov-west-1")
    text = text_of(client.get(reverse("environment_models", args=[environment.pk])))
    assert "Access to models in AWS GovCloud (US)" in text


def test_studios_list_can_be_taken_along_as_vertesia_gives_it(client, connection):
    store(connection, foundation_models=[foundation(modelId="xai.grok", providerName="xAI"), ON_DEMAND])
    link = reverse("environment_studio_models", args=[connection.environment_id])
    assert f'href="{link}"' in client.get(url(connection)).content.decode()
    answer = client.get(link)
    assert answer["Content-Disposition"] == 'attachment; filename="studio-models-us-east-1.json"'
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == [
        {
            "id": ON_DEMAND["modelArn"],
            "name": "Claude X",
            "provider": "bedrock",
            "owner": "Anthropic",
            "can_stream": False,
        },
        {
            "id": CLAUDE_PROFILE["inferenceProfileArn"],
            "name": "US Anthropic Claude X",
            "provider": "bedrock",
            "owner": "anthropic",
        },
    ]


def test_before_anything_was_listed_there_is_no_list_to_take_along(client, connection):
    assert client.get(reverse("environment_studio_models", args=[connection.environment_id])).status_code == 404


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
