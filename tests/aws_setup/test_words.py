"""An error of AWS that somebody pasted: the same cause as the console would name, as far as the text tells."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_setup.diagnosis import Problem
from aws_setup.diagnosis.error_text import LONGEST_WORDS, read_error
from aws_setup.diagnosis.words import explain_words
from tests.aws_setup.desires import desire

WANTED = desire()
EXCHANGE = "An error occurred ({}) when calling the AssumeRoleWithWebIdentity operation: {}"
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_SESSION_POLICY = (
    "User: arn:aws:sts::111122223333:assumed-role/VertesiaEnvironmentAcme/vertesia is not authorized to perform: "
    "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no "
    "session policy allows the bedrock:InvokeModel action"
)
NOT_LISTED = (
    "User: arn:aws:sts::111122223333:assumed-role/VertesiaEnvironmentAcme/vertesia is not authorized to perform: "
    "bedrock:ListFoundationModels because no identity-based policy allows the bedrock:ListFoundationModels action"
)
PROVIDER_DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/PowerUser/mona is not authorized to perform: "
    "iam:CreateOpenIDConnectProvider on resource: arn:aws:iam::111122223333:oidc-provider/sts.vertesia.io with an "
    "explicit deny in a service control policy"
)
NO_KEY = "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity"
FOUND = [
    # boto3 and the AWS CLI
    (EXCHANGE.format("AccessDenied", DENIED), "trust_refuses"),
    (
        EXCHANGE.format(
            "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://sts.vertesia.io"
        ),
        "provider_missing",
    ),
    (EXCHANGE.format("InvalidIdentityToken", "Incorrect token audience"), "audience_missing"),
    (EXCHANGE.format("InvalidIdentityToken", NO_KEY), "issuer_unreachable"),
    (
        EXCHANGE.format(
            "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
        ),
        "thumbprint_wrong",
    ),
    (EXCHANGE.format("InvalidIdentityToken", "Token signature invalid"), "token_refused"),
    (EXCHANGE.format("ExpiredTokenException", "Token expired: current date/time 2 must be before 1"), "clock_wrong"),
    (EXCHANGE.format("RegionDisabledException", "STS is not activated in this region"), "region_off"),
    (
        EXCHANGE.format("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set"),
        "session_too_long",
    ),
    ("An error occurred (ExpiredToken) when calling the GetRole operation: It is expired", "credentials_expired"),
    ("An error occurred (Throttling) when calling the GetRole operation (reached max retries: 4): Slow", "aws_busy"),
    ("An error occurred (LimitExceeded) when calling the CreateRole operation: RolesPerAccount", "quota_exceeded"),
    (
        "An error occurred (OpenIdIdpCommunicationError) when calling the CreateOpenIDConnectProvider operation: no",
        "issuer_unreachable_from_iam",
    ),
    (
        "An error occurred (EntityAlreadyExists) when calling the CreateOpenIDConnectProvider operation: Provider with "
        "url https://sts.vertesia.io already exists.",
        "provider_exists",
    ),
    (
        "An error occurred (ValidationException) when calling the Converse operation: Invocation of model ID "
        "anthropic.claude-opus-4-7 with on-demand throughput isn’t supported.",
        "profile_needed",
    ),
    (
        'Parameter validation failed:\nUnknown parameter in input: "ExternalId", must be one of: RoleArn, '
        "RoleSessionName, WebIdentityToken",
        "external_id_not_taken",
    ),
    # CloudFormation
    (
        "Properties validation failed for resource Provider with message:\n#: required key [ThumbprintList] not found",
        "cfn_thumbprint_missing",
    ),
    (
        "Resource handler returned message: \"1 validation error detected: Value null at 'thumbprintList' failed to "
        'satisfy constraint: Member must not be null (Service: Iam, Status Code: 400, Request ID: 1-2-3)"',
        "cfn_thumbprint_missing",
    ),
    # Terraform and other tools in Go
    (
        "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, RequestID: 1234-5678, "
        f"api error AccessDenied: {DENIED}",
        "trust_refuses",
    ),
    (f"creating IAM OIDC Provider: AccessDenied: {PROVIDER_DENIED}", "worker_denied"),
    # JavaScript, and actions that only pass on the words
    (f"InvalidIdentityToken: {NO_KEY}", "issuer_unreachable"),
    (f"Could not assume role with OIDC: {DENIED}", "trust_refuses"),
    (NOT_LISTED, "list_denied"),
    # Vertesia
    (f"[bedrock] AccessDeniedException: [403] {NO_SESSION_POLICY} (Request ID: 0a1b-2c3d)", "session_policy"),
    (
        "[bedrock] ResourceNotFoundException: [404] Model use case details have not been submitted for this account.",
        "use_case_missing",
    ),
    ("Foundation models not found", "listing_swallowed"),
    # Nobody's
    ("An error occurred (Novelty) when calling the Frobnicate operation: It broke.", "unknown"),
    ("It does not work.", "unknown"),
]


@pytest.mark.parametrize(("text", "code"), FOUND)
def test_the_cause_is_read_from_the_words(text: str, code: str) -> None:
    for desired in (None, WANTED):
        problem = explain_words(text, desired=desired)
        assert problem.code == code
        assert problem.remedy
        assert problem.sentence.endswith(".")


def test_with_an_environment_its_own_names_stand_in_the_remedy() -> None:
    text = EXCHANGE.format("InvalidIdentityToken", "Incorrect token audience")
    assert "https://ISSUER_HOST" in explain_words(text).sentence
    assert WANTED.provider_arn in explain_words(text, desired=WANTED).command


def test_another_issuer_in_the_text_than_was_agreed_is_the_cause() -> None:
    words = "No OpenIDConnect provider found in your account for https://sts.becomposable.com"
    problem = explain_words(EXCHANGE.format("InvalidIdentityToken", words), desired=WANTED)
    assert problem.code == "issuer_renamed"
    assert problem.evidence["expected"] == "https://sts.becomposable.com"
    assert problem.evidence["actual"] == WANTED.issuer_url
    assert "Move the organization to https://sts.becomposable.com" in problem.remedy


def test_what_the_text_names_stands_in_the_explanation() -> None:
    problem = explain_words(NOT_LISTED)
    assert problem.sentence == "Role VertesiaEnvironmentAcme may not call bedrock:ListFoundationModels."
    denied = explain_words(f"AccessDenied: {PROVIDER_DENIED} status code: 403, request id: 1111-2222")
    assert denied.sentence == "The caller may not call iam:CreateOpenIDConnectProvider."
    assert "AWS organization" in denied.remedy
    assert denied.evidence["request id"] == "1111-2222"


def test_what_a_caller_lacks_is_not_said_of_this_consoles_worker() -> None:
    problem = explain_words("An error occurred (ExpiredToken) when calling the GetRole operation: It is expired")
    assert problem.sentence == "The caller's AWS credentials have run out."
    assert problem.fix == ""


def test_the_unknown_keeps_awss_words_and_request_id_and_says_that_it_is_unknown() -> None:
    problem = explain_words(
        "An error occurred (Novelty) when calling the Frobnicate operation: It broke. RequestId: 1-22-333"
    )
    assert problem.evidence["AWS error code"] == "Novelty"
    assert problem.evidence["request id"] == "1-22-333"
    assert "It broke." in problem.why
    assert "does not know" in problem.sentence


def test_a_token_that_was_pasted_along_is_never_shown_again() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJlbnY6YTpiIn0.c2lnbmF0dXJl"
    problem = explain_words(f"It does not work with {token} for me.")
    assert token not in str(problem.to_json())
    assert "c2lnbmF0dXJl" not in str(problem.to_json())


@given(st.text(max_size=2000))
def test_no_text_is_too_odd_to_be_answered(text: str) -> None:
    problem = explain_words(text)
    assert problem.sentence.endswith(".")
    assert len(read_error(text).message) <= LONGEST_WORDS
    assert Problem.from_json(problem.to_json()) == problem


@pytest.mark.parametrize(
    "text", ["a" + " " * 9_900 + "b", "x (Service: " * 800, "(Service: Error Code: A " * 400], ids=["spaces", "1", "2"]
)
def test_a_text_made_to_keep_the_console_busy_is_read_at_once(text: str) -> None:
    began = time.process_time()
    explain_words(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("words", ["required key [ThumbprintList] not found", "Token signature invalid", NO_KEY, ""])
def test_no_command_runs_what_was_pasted(words: str, tmp_path: Path) -> None:
    """A person copies the command into a shell; here all but its words is left out."""
    hostile = "https://$(touch${IFS}ran)/;touch${IFS}ran;`touch${IFS}ran`"
    problem = explain_words(
        EXCHANGE.format(
            "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {hostile} {words}"
        ),
    )
    harmless = "aws() { :; }; curl() { :; }; openssl() { :; }; awk() { :; }; sed() { :; }\n"
    subprocess.run(["bash", "-c", harmless + problem.command], cwd=tmp_path, check=False)
    assert problem.command
    assert list(tmp_path.iterdir()) == []
