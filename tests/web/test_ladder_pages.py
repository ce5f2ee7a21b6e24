"""The ladder, findings, isolation, one token of a model and the models that count, as their pages show them."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Check, Connection, Finding, ListedModel, Verification
from environments.models import Event, Issuer
from tests.web.page_rows import break_connection, model, problem, prove_isolation, store_listing, verify
from tests.web.wizard_rows import finish_run, make_connected, start_run, text_of

pytestmark = pytest.mark.django_db

COMPARED = [
    {"statement": "1, Allow", "compared": "aud", "expected": "bedrock", "actual": "bedrock", "fits": "yes", "note": ""},
    {
        "statement": "1, Allow",
        "compared": "sub",
        "expected": "env:a:b",
        "actual": "env:a:B",
        "fits": "no",
        "note": "Only upper and lower case differ.",
    },
]


@pytest.fixture
def connection(client: Client) -> Connection:
    made = make_connected(client)
    profile = model("US Claude", kind="profile", model_id="us.claude")
    image = model("Stable Image", publisher="Stability", output_modalities=("IMAGE",))
    store_listing(verify(made), [model("Claude"), profile, image, model("Titan Embed", reason="No embedding models.")])
    return made


def page(client: Client, connection: Connection) -> str:
    return client.get(connection.environment.get_absolute_url()).content.decode()


def groups(html: str) -> dict[str, tuple[bool, str]]:
    """Each heading of the ladder: whether it stands open, and what its line says."""
    line = r"<details( open)?>\s*<summary>.*?<h3>(.*?)</h3><span class=\"rungs-summary\">(.*?)</summary>"
    found = re.findall(line, html, re.DOTALL)
    return {title: (bool(is_open), re.sub(r"<[^>]+>", "", words).strip()) for is_open, title, words in found}


def listed(name: str) -> str:
    return ListedModel.objects.get(name=name).model_id


# --- The ladder -------------------------------------------------------------------------------------------------


def test_a_green_ladder_is_six_quiet_lines_that_say_how_it_is_known(client, connection):
    Check.objects.filter(check_name="exchange").update(milliseconds=210)
    Check.objects.filter(check_name="identity").update(milliseconds=30)
    assert groups(page(client, connection)) == {
        "Issuer": (False, "4 of 4 passed · proven by the exchange"),
        "Identity provider and trust": (False, "3 of 3 passed · proven by the exchange"),
        "Exchange": (False, "2 of 2 passed · 240 ms"),
        "Models": (False, "4 of 4 passed"),
        "What the role may do": (False, "3 of 3 passed · simulated"),
    }


def test_only_what_is_red_stands_open_and_what_was_not_run_is_not_red(client, connection):
    break_connection(connection, failed="audience")
    html = page(client, connection)
    assert groups(html) == {
        "Issuer": (False, "4 of 4 passed"),
        "Identity provider and trust": (True, "1 of 3 passed · 1 failed · 1 not run"),
        "Exchange": (False, "2 not run"),
        "Models": (False, "4 not run"),
        "What the role may do": (False, "3 not run"),
    }
    ladder = html[html.index('id="checks-title"') : html.index('id="isolation-title"')]
    assert ladder.count('class="tone-bad"') == 2  # the heading and the rung


def test_a_skipped_rung_says_why_and_what_it_needs(client, connection):
    Check.objects.filter(check_name="invoke_permission").update(result="skipped", detail="Not simulated: denied.")
    html = page(client, connection)
    assert groups(html)["What the role may do"] == (False, "2 of 3 passed · 1 skipped · simulated")
    assert "Not simulated: denied." in html.replace("<wbr>", "")
    assert "Needs the worker&#x27;s rights." in html


def test_what_was_simulated_is_labelled_so(client, connection):
    titles = re.findall(r'<p class="check-title">(.*?)</p>', page(client, connection))
    assert sum(title.endswith(", simulated") for title in titles) == 3


def test_a_check_of_a_former_release_is_shown_under_a_heading_of_its_own(client, connection):
    Check.objects.filter(check_name="custom_models").update(check_name="forgotten_rung")
    html = page(client, connection)
    assert groups(html)["Other"] == (False, "1 of 1 passed")
    assert "Forgotten rung" in html


def test_a_run_shows_the_same_ladder_isolation_included(client):
    run = start_run(client)
    proof = verify(run.connection)
    prove_isolation(proof)
    Verification.objects.filter(pk=proof.pk).update(run=run)
    finish_run(run, "succeeded")
    html = client.get(reverse("run", args=[run.pk])).content.decode()
    assert groups(html)["Isolation"] == (False, "4 of 4 passed")
    assert groups(html)["Exchange"] == (False, "2 of 2 passed")


def test_what_was_looked_at_without_a_token_is_not_called_proven(client):
    connection = make_connected(client, issuer=Issuer.objects.get(url="https://sts.vertesia.io"))
    proof = verify(connection)
    proof.checks.exclude(check_name__in=("provider", "audience", "trust")).update(result="skipped")
    found = groups(page(client, connection))
    assert found["Identity provider and trust"] == (False, "3 of 3 passed · not proven")
    assert found["Issuer"] == (False, "4 skipped")


# --- Findings ---------------------------------------------------------------------------------------------------


def test_a_finding_compares_claim_by_claim_and_marks_what_does_not_fit(client, connection):
    break_connection(connection, table=COMPARED)
    html = page(client, connection)
    table = html[html.index('<table class="compared">') : html.index("</table>")]
    fitting, wrong = re.findall(r"<tr class=\"(.*?)\">", table)
    assert (fitting, wrong) == ("", "compared-wrong")
    assert "Only upper and lower case differ." in table


def test_the_message_to_the_administrator_stands_folded_with_its_lines_kept(client, connection):
    break_connection(connection, message="In AWS account 1111-2222-3333\n\nPlease: create <it>.")
    html = page(client, connection)
    assert "Message to the AWS administrator</summary>" in html
    assert "In AWS account 1111-2222-3333\n\nPlease: create &lt;it&gt;.</pre>" in html


def test_a_finding_about_a_model_leads_to_the_models_that_count(client, connection):
    break_connection(connection, code="model_legacy", fix="verify")
    assert reverse("environment_chosen_models", args=[connection.environment_id]) in page(client, connection)


def test_a_finding_with_nothing_to_ask_offers_no_message(client, connection):
    break_connection(connection)
    assert "Message to the AWS administrator" not in page(client, connection)


def test_an_unknown_error_says_so_and_shows_awss_words_and_the_request_id_unfolded(client, connection):
    seen = {"AWS error code": "Strange", "AWS says": "Something odd.", "request id": "0b7e-42"}
    break_connection(connection, code="unknown", fix="verify", evidence=seen)
    html = page(client, connection)
    finding = html[html.index('<article class="problem') : html.index("</article>")]
    assert "Unknown error" in finding
    assert "0b7e-42" in finding
    assert "<details" not in finding


def test_a_security_finding_stands_first_on_every_list_and_says_its_kind(client, connection):
    hole = problem("isolation_sibling", sentence="The role lets in a stranger.", severity="security")
    security = Finding.Severity.SECURITY
    Finding.objects.create(connection=connection, code="isolation_sibling", problem=hole, severity=security)
    break_connection(connection, sentence="No provider here.")
    Finding.objects.filter(code="provider_missing").update(opened_at=timezone.now() + timedelta(hours=1))
    for url in (connection.environment.get_absolute_url(), reverse("overview")):
        text = text_of(client.get(url))
        assert text.index("The role lets in a stranger.") < text.index("No provider here.")
        assert re.search(r"Security\s.*The role lets in a stranger\.", text)


def test_the_last_ten_closed_findings_are_kept_folded_with_their_moments(client, connection):
    now = timezone.now()
    for number in range(12):
        cause = problem(f"cause_{number}", sentence=f"Cause number {number}.")
        closed = now - timedelta(minutes=number)
        Finding.objects.create(connection=connection, code=cause["code"], problem=cause, closed_at=closed)
    text = text_of(client.get(connection.environment.get_absolute_url()))
    assert text.index("Cause number 0.") < text.index("Cause number 9.")
    assert "Cause number 10." not in text


# --- Isolation --------------------------------------------------------------------------------------------------


def isolation(client: Client, connection: Connection) -> str:
    html = page(client, connection)
    part = html[html.index('id="isolation"') :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part[: part.index("</section>")]))


def test_isolation_that_nobody_tried_says_what_is_tried_and_offers_to(client, connection):
    assert "Not tried yet" in isolation(client, connection)
    client.post(reverse("environment_verify", args=[connection.environment_id]), {"with_isolation": "yes"})
    assert connection.verifications.get(finished_at=None).with_isolation
    assert "Prove isolation now" not in isolation(client, connection)


def test_verify_now_alone_does_not_try_isolation(client, connection):
    client.post(reverse("environment_verify", args=[connection.environment_id]))
    assert not connection.verifications.get(finished_at=None).with_isolation


def test_a_proof_of_isolation_stays_although_later_proofs_leave_it_out(client, connection):
    prove_isolation(verify(connection))
    verify(connection)
    text = isolation(client, connection)
    assert "4 of 4 refused" in text
    assert "refused it to whoever else tried" in text


def test_a_later_attempt_that_did_not_come_as_far_takes_nothing_back(client, connection):
    prove_isolation(verify(connection))
    stopped = verify(connection, failed="trust")
    Verification.objects.filter(pk=stopped.pk).update(with_isolation=True)
    assert "4 of 4 refused" in isolation(client, connection)


@pytest.mark.parametrize(
    ("days", "is_changed", "words"),
    [
        (29, False, "refused it to whoever else tried"),
        (31, False, "It says little of today"),
        (1, True, "was changed from here since"),
    ],
)
def test_a_proof_of_isolation_grows_grey_with_its_age_or_a_change(client, connection, days, is_changed, words):
    prove_isolation(verify(connection, at=timezone.now() - timedelta(days=days)))
    Connection.objects.update(last_write_at=timezone.now() - timedelta(days=0 if is_changed else 60))
    text = isolation(client, connection)
    assert words in text
    assert f"{days} day" in text


def test_a_role_that_lets_somebody_in_shows_whom(client, connection):
    prove_isolation(verify(connection), let_in="isolation_sibling")
    text = isolation(client, connection)
    assert "Lets others in" in text
    assert "Refusing another environment's token" in text.replace("&#x27;", "'")


def test_what_could_not_be_tried_is_told_with_its_reason(client, connection):
    prove_isolation(verify(connection))
    Check.objects.filter(check_name="isolation_audience").update(result="skipped", detail="No other audience")
    text = isolation(client, connection)
    assert "3 of 4 refused" in text
    assert "Not tried: No other audience." in text


def test_without_a_token_isolation_is_evaluated_and_never_called_proven(client):
    connection = make_connected(client, issuer=Issuer.objects.get(url="https://sts.vertesia.io"))
    prove_isolation(verify(connection), result="skipped")
    text = isolation(client, connection)
    assert "Evaluated, not proven" in text
    assert "Evaluate isolation now" in text
    assert "of 4 refused" not in text


# --- One token --------------------------------------------------------------------------------------------------


def one_token(connection: Connection, asked: str = "") -> str:
    url = reverse("environment_one_token", args=[connection.environment_id])
    return f"{url}?model={quote(asked, safe='')}" if asked else url


def test_each_shown_model_that_answers_in_text_can_be_tried(client, connection):
    html = client.get(reverse("environment_models", args=[connection.environment_id]) + "?view=all").content.decode()
    offered = re.findall(r"Try one token<span class=\"visually-hidden\"> of (.*?)</span>", html)
    assert sorted(offered) == ["Claude", "US Claude"]
    assert one_token(connection, listed("Claude")) in html


def test_the_price_is_shown_before_and_nothing_is_asked_by_looking(client, connection, settings):
    settings.AWS_SANDBOX = False
    text = text_of(client.get(one_token(connection, listed("Claude"))))
    assert "At most about US$ 0.001" in text
    assert "AWS bills by its own price list" in text
    assert not connection.verifications.filter(finished_at=None).exists()


def test_in_the_sandbox_nothing_is_billed(client, connection):
    assert "In the sandbox nothing is billed" in text_of(client.get(one_token(connection, listed("Claude"))))


def test_agreeing_begins_a_verification_that_asks_this_model(client, connection):
    answer = client.post(one_token(connection), {"model": listed("US Claude")})
    assert answer["Location"] == connection.environment.get_absolute_url()
    assert connection.verifications.get(finished_at=None).one_token_of == listed("US Claude")


def test_while_one_verification_runs_no_other_is_begun_and_nothing_is_asked(client, connection):
    client.post(reverse("environment_verify", args=[connection.environment_id]))
    answer = client.post(one_token(connection), {"model": listed("Claude")}, follow=True)
    assert "nothing was asked" in text_of(answer)
    assert connection.verifications.get(finished_at=None).one_token_of == ""


@pytest.mark.parametrize("asked", ["", "made-up", "' OR 1=1", "x" * 5000])
def test_a_model_that_is_not_listed_is_not_asked(client, connection, asked):
    assert client.get(one_token(connection, asked)).status_code == 404
    assert client.post(one_token(connection), {"model": asked}).status_code == 404
    assert not connection.verifications.filter(finished_at=None).exists()


@pytest.mark.parametrize("name", ["Titan Embed", "Stable Image"])
def test_a_model_that_is_hidden_or_gives_no_text_is_not_asked(client, connection, name):
    assert client.post(one_token(connection), {"model": listed(name)}).status_code == 404


def test_without_a_token_no_model_can_be_tried(client):
    connection = make_connected(client, issuer=Issuer.objects.get(url="https://sts.vertesia.io"))
    store_listing(verify(connection), [model("Claude")])
    html = client.get(reverse("environment_models", args=[connection.environment_id])).content.decode()
    assert "Try one token" not in html
    answer = client.post(one_token(connection), {"model": listed("Claude")}, follow=True)
    assert "only with a token" in text_of(answer)
    assert not connection.verifications.filter(finished_at=None).exists()


def test_the_answer_that_was_paid_for_stands_open(client, connection):
    proof = verify(connection)
    detail = "claude answered: 9 tokens in, 1 out"
    Check.objects.create(verification=proof, position=90, check_name="one_token", result="pass", detail=detail)
    html = page(client, connection)
    assert groups(html)["What the role may do"] == (True, "4 of 4 passed · 3 simulated")
    assert detail in html.replace("<wbr>", "")


# --- Models that count ------------------------------------------------------------------------------------------


def choose(client: Client, connection: Connection, *models: str):
    url = reverse("environment_chosen_models", args=[connection.environment_id])
    return client.post(url, {"models": models}, follow=True)


def test_models_are_chosen_with_a_line_of_history(client, connection):
    answer = choose(client, connection, listed("Claude"), listed("US Claude"))
    connection.refresh_from_db()
    assert connection.chosen_models == [listed("Claude"), listed("US Claude")]
    event = Event.objects.get(action="connection.models_chosen")
    assert event.sentence == "Chose 2 models whose access is checked on every proof."
    assert text_of(answer).count("Counts") == 2


def test_choosing_the_same_again_writes_no_history(client, connection):
    choose(client, connection, listed("Claude"))
    choose(client, connection, listed("Claude"))
    assert Event.objects.filter(action="connection.models_chosen").count() == 1


def test_choosing_none_takes_the_choice_back(client, connection):
    choose(client, connection, listed("Claude"))
    choose(client, connection)
    connection.refresh_from_db()
    assert connection.chosen_models == []


@pytest.mark.parametrize("asked", ["made-up", "", "x" * 5000, "Titan Embed"])
def test_a_model_that_studio_does_not_show_cannot_be_chosen(client, connection, asked):
    answer = choose(client, connection, listed(asked) if asked == "Titan Embed" else asked)
    connection.refresh_from_db()
    assert answer.status_code == 422
    assert "This environment lists no model" in text_of(answer)
    assert connection.chosen_models == []


def test_at_most_ten_can_count_and_what_was_ticked_is_kept(client, connection):
    store_listing(verify(connection), [model(f"Model {number}") for number in range(11)])
    asked = list(ListedModel.objects.filter(name__startswith="Model").values_list("model_id", flat=True))
    answer = choose(client, connection, *asked)
    connection.refresh_from_db()
    assert "At most 10 can count" in text_of(answer)
    assert answer.content.decode().count(" checked>") == 11
    assert connection.chosen_models == []
    assert choose(client, connection, *asked[:10]).status_code == 200


def test_a_chosen_model_that_is_listed_no_more_can_be_kept_or_taken_away(client, connection):
    Connection.objects.update(chosen_models=["arn:gone"])
    url = reverse("environment_chosen_models", args=[connection.environment_id])
    assert "not among the models that Studio shows now" in text_of(client.get(url))
    assert choose(client, connection, "arn:gone", listed("Claude")).status_code == 200
    choose(client, connection, listed("Claude"))
    connection.refresh_from_db()
    assert connection.chosen_models == [listed("Claude")]


def test_before_anything_is_listed_nothing_can_be_chosen(client):
    url = reverse("environment_chosen_models", args=[make_connected(client).environment_id])
    assert "No models are listed yet" in text_of(client.get(url))
