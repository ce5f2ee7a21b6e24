"""From AWS's words to one cause with one remedy: each message, each missing state, each kind of policy."""

import pytest

from aws_setup.diagnosis import ErrorFacts, Problem
from aws_setup.diagnosis.credentials import explain_credentials
from aws_setup.diagnosis.denials import explain_worker_denied, find_denying_policy
from aws_setup.diagnosis.exchange import may_be_propagation
from aws_setup.diagnosis.listings import explain_listing
from aws_setup.diagnosis.worker import explain_refused
from tests.aws_setup.climbs import (
    AUDIENCE,
    DENIED,
    EXCHANGE,
    NO_KEY,
    NO_PROVIDER,
    WANTED,
    Case,
    climb,
    find_red,
    list_cases,
)
from tests.aws_setup.golden_files import assert_golden

CASES = list_cases()


def test_each_of_awss_refusals_reads_as_it_was_reviewed() -> None:
    """One golden table of all: rung, code, sentence, reason, remedy, command, and what somebody else is to do."""
    lines = []
    for case in CASES:
        ladder, problem = climb(case)
        lines += [
            f"{case.name}: {case.code}: {case.message}",
            f"  [{find_red(ladder)}: {problem.code}] {problem.sentence}",
            f"  why     {problem.why}",
            f"  remedy  {problem.remedy}",
            f"  command {problem.command}",
            f"  ask     {problem.ask}",
            f"  fix     {problem.fix}",
            "",
        ]
    assert_golden("refusals.txt", "\n".join(lines))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_refusal_has_a_remedy_and_keeps_awss_words_and_request_id(case: Case) -> None:
    _, problem = climb(case)
    assert problem.remedy
    assert problem.command or problem.ask
    assert problem.sentence.endswith(".")
    assert problem.evidence["AWS says"] == case.message
    assert problem.evidence["request id"] == "req-1"
    assert Problem.from_json(problem.to_json()) == problem


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (*NO_PROVIDER, True),
        (*AUDIENCE, True),
        (*DENIED, True),
        ("AccessDeniedException", "not authorized to perform: bedrock:ListFoundationModels", True),
        (*NO_KEY, False),
        ("InvalidIdentityToken", "Token signature invalid", False),
        ("ExpiredTokenException", "Token expired", False),
    ],
)
def test_only_what_a_write_of_ours_may_cause_is_waited_for(code: str, message: str, expected: bool) -> None:
    assert may_be_propagation(ErrorFacts(EXCHANGE, code, message)) is expected


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("with an explicit deny in a service control policy", "scp"),
        ("because no service control policy allows the iam:CreateRole action", "scp"),
        ("with an explicit deny in a resource control policy", "rcp"),
        ("because no permissions boundary allows the iam:CreateRole action", "boundary"),
        ("because no session policy allows the bedrock:ListCustomModels action", "session_policy"),
        ("with an explicit deny in a resource-based policy", "resource_policy"),
        ("because no identity-based policy allows the iam:CreateRole action", "identity_policy"),
        ("with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/Deny", "identity_policy"),
        ("User is not authorized to perform this operation", "unknown"),
    ],
)
def test_the_kind_of_policy_that_denies_is_read_from_awss_words(message: str, kind: str) -> None:
    found, sentence = find_denying_policy(message)
    assert found == kind
    assert sentence.endswith(".")


def test_only_the_organizations_administrators_can_lift_its_own_policies() -> None:
    scp = ErrorFacts("iam:CreateRole", "AccessDenied", "with an explicit deny in a service control policy")
    own = ErrorFacts("iam:CreateRole", "AccessDenied", "because no identity-based policy allows it")
    assert "AWS organization" in explain_worker_denied(scp, caller_arn="arn:me").remedy
    assert "Allow iam:CreateRole for arn:me." in explain_worker_denied(own, caller_arn="arn:me").remedy


@pytest.mark.parametrize(
    ("message", "why", "remedy"),
    [
        ("because no permissions boundary allows it", "A permissions boundary does not allow it.", "allow iam:X there"),
        (
            "with an explicit deny in a permissions boundary",
            "A permissions boundary does not allow it. It is an explicit deny, which no other policy outweighs.",
            "take iam:X out of the deny",
        ),
        ("because no session policy allows it", "The session policy of the assumed role", "not the role itself"),
        (
            "with an explicit deny in a resource control policy",
            "A resource control policy",
            "nothing in the account's own",
        ),
        ("with an explicit deny in an identity-based policy", "No identity-based policy", "take iam:X out of the deny"),
        ("", "AWS does not say which policy denies it", "Look at them in this order"),
    ],
)
def test_each_kind_of_denial_has_a_remedy_that_can_work(message: str, why: str, remedy: str) -> None:
    problem = explain_worker_denied(ErrorFacts("iam:X", "AccessDenied", message), caller_arn="arn:me")
    assert problem.why.startswith(why)
    assert remedy in problem.remedy


def test_the_action_aws_names_is_the_one_that_is_named() -> None:
    words = "User: arn:me is not authorized to perform: iam:TagRole on resource: arn:role because no policy allows it"
    problem = explain_worker_denied(ErrorFacts("iam:CreateRole", "AccessDenied", words), caller_arn="arn:me")
    assert problem.sentence == "The console may not call iam:TagRole in this account."
    assert problem.evidence["call"] == "iam:CreateRole"


def test_each_missing_listing_says_what_studio_loses() -> None:
    reasons = {
        explain_listing(ErrorFacts(operation, "AccessDeniedException", "no"), WANTED, is_denied=True).why
        for operation in ("bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles", "bedrock:ListCustomModels")
    }
    assert len(reasons) == 3


CREDENTIALS: list[tuple[str, str, str, str]] = [
    ("NoCredentialsError", "sts:GetCallerIdentity", "Unable to locate credentials", "no_credentials"),
    ("PartialCredentialsError", "sts:GetCallerIdentity", "Partial credentials found", "no_credentials"),
    ("ProfileNotFound", "sts", "The config profile (x) could not be found", "profile_not_found"),
    ("SSOTokenLoadError", "sts:GetCallerIdentity", "Error loading SSO Token", "sso_expired"),
    ("UnauthorizedSSOTokenError", "sts:GetCallerIdentity", "The SSO session has expired", "sso_expired"),
    ("TokenRetrievalError", "sts:GetCallerIdentity", "Token has expired and refresh failed", "sso_expired"),
    ("ExpiredToken", "sts:GetCallerIdentity", "The security token included is expired", "credentials_expired"),
    ("SignatureDoesNotMatch", "sts:GetCallerIdentity", "The request signature does not match", "signature_wrong"),
    (
        "SignatureDoesNotMatch",
        "sts:GetCallerIdentity",
        "Signature expired: 1 is now earlier than 2",
        "worker_clock_wrong",
    ),
    ("RequestTimeTooSkewed", "sts:GetCallerIdentity", "The difference is too large.", "worker_clock_wrong"),
    ("InvalidClientTokenId", "sts:GetCallerIdentity", "The security token included is invalid", "credentials_refused"),
    ("AccessDenied", "sts:GetCallerIdentity", "not authorized to perform: sts:AssumeRole", "role_not_assumable"),
    ("CredentialRetrievalError", "sts:AssumeRole", "Credentials could not be retrieved", "role_not_assumable"),
]


@pytest.mark.parametrize(("code", "operation", "message", "expected"), CREDENTIALS)
def test_each_missing_state_of_the_workers_credentials_has_its_own_sentence(
    code: str, operation: str, message: str, expected: str
) -> None:
    problem = explain_credentials(ErrorFacts(operation, code, message), profile="acme")
    assert problem.code == expected
    assert problem.remedy
    assert problem.fix == "check_caller"


def test_missing_states_differ_in_sentence_and_command() -> None:
    problems = {
        problem.code: problem
        for code, operation, message, _ in CREDENTIALS
        if (problem := explain_credentials(ErrorFacts(operation, code, message), profile="acme"))
    }
    assert len({problem.sentence for problem in problems.values()}) == len(problems) == 8
    assert problems["sso_expired"].command == "aws sso login --profile acme"
    assert "No restart is needed" in problems["sso_expired"].remedy
    assert "restart the worker" in problems["no_credentials"].remedy


def test_in_the_sandbox_nobody_is_sent_to_aws() -> None:
    told_apart = ("credentials_expired", "worker_clock_wrong")  # these are played there on purpose
    for code, operation, message, expected in CREDENTIALS:
        problem = explain_credentials(ErrorFacts(operation, code, message), is_sandbox=True)
        assert problem.code == (expected if expected in told_apart else "sandbox_credentials")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("OpenIdIdpCommunicationError", "issuer_unreachable_from_iam"),
        ("LimitExceeded", "quota_exceeded"),
        ("MalformedPolicyDocument", "unknown"),
    ],
)
def test_other_refusals_have_a_sentence_or_say_that_they_are_unknown(code: str, expected: str) -> None:
    problem = explain_refused(ErrorFacts("iam:CreateRole", code, "AWS's words"))
    assert problem.code == expected
    assert "AWS's words" in problem.why + str(problem.evidence)
