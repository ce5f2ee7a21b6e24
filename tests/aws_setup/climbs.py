"""Climbs without a console: what STS refused, what the account holds, and how the issuer's documents look from here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import ErrorFacts, Problem
from aws_setup.models import Check
from aws_setup.proofs.climbing import Climb
from aws_setup.proofs.ladder import Ladder
from environments.issuer.reading import STEPS, IssuerReading, ReadingStep, Result
from tests.aws_setup.desires import desire
from tests.fake_aws import FakeAws, FakeProvider, FakeRole

EXCHANGE = "sts:AssumeRoleWithWebIdentity"
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
NO_PROVIDER = ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://sts.vertesia.io")
AUDIENCE = ("InvalidIdentityToken", "Incorrect token audience")
NO_KEY = (
    "InvalidIdentityToken",
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements",
)
WANTED = desire()
CLAIMS = {"iss": WANTED.issuer_url, "sub": WANTED.subject, "aud": WANTED.audience}
PREFIX = "sts.vertesia.io"

Bend = Callable[[FakeAws], None]


@dataclass(frozen=True)
class Case:
    """What STS said. `bend` changes an account that holds all that is desired; `failed` is a step of the issuer's."""

    name: str
    code: str
    message: str
    bend: Bend = lambda aws: None
    failed: tuple[str, str] | None = None


def hold(desired: DesiredState) -> FakeAws:
    """An AWS whose account holds exactly what is desired."""
    aws = FakeAws()
    arn = desired.provider_arn
    aws.home.providers[arn] = FakeProvider(arn, desired.issuer_url, [desired.audience], dict(desired.provider_tags))
    aws.home.roles[desired.role_name.lower()] = FakeRole(desired.role_arn, desired.trust, dict(desired.role_tags))
    return aws


def read_as(failed: tuple[str, str] | None) -> IssuerReading:
    """An issuer whose step of this name failed with this problem; None: everything is right."""
    steps, has_failed = [], False
    for name in STEPS:
        if has_failed:
            steps.append(ReadingStep(name, Result.NOT_REACHED, "Not reached."))
        elif failed and failed[0] == name:
            steps.append(ReadingStep(name, Result.FAILED, f"The step {name} failed.", 7, {}, failed[1]))
            has_failed = True
        else:
            steps.append(ReadingStep(name, Result.PASSED, f"The step {name} is right.", 7))
    return IssuerReading(WANTED.issuer_url, tuple(steps))


def climb(case: Case) -> tuple[Ladder, Problem]:
    """The ladder after the climb, and the cause."""
    aws, ladder = hold(WANTED), Ladder()
    case.bend(aws)
    facts = ErrorFacts(EXCHANGE, case.code, case.message, "req-1")
    one = Climb(WANTED, aws.open(None), ladder, facts, claims=CLAIMS, kid="kid-1")
    one.reading = read_as(case.failed)
    return ladder, one.explain()


def find_red(ladder: Ladder) -> str:
    """The name of the first red rung; empty where none is."""
    return next((name for name, check in ladder.checks.items() if check.result == Check.Result.FAIL), "")


# --- what an account may hold instead -------------------------------------------------------------------------------


def without_provider(aws: FakeAws) -> None:
    aws.home.providers.clear()


def with_former_provider(aws: FakeAws) -> None:
    aws.home.providers.clear()
    former = "https://sts.becomposable.com"
    arn = WANTED.provider_arn_of(former)
    aws.home.providers[arn] = FakeProvider(arn, former, ["bedrock"])


def with_audiences(*audiences: str) -> Bend:
    def change(aws: FakeAws) -> None:
        aws.home.providers[WANTED.provider_arn].audiences[:] = audiences

    return change


def without_role(aws: FakeAws) -> None:
    aws.home.roles.clear()


def unreadable(aws: FakeAws) -> None:
    aws.deny("iam:GetRole")
    aws.deny("iam:GetOpenIDConnectProvider")


def trusting(**changes: Any) -> Bend:
    """The agreed statement with these fields changed."""

    def change(aws: FakeAws) -> None:
        aws.home.role(WANTED.role_name).trust["Statement"][0] |= changes

    return change


def checking(**claims: str) -> Bend:
    """The agreed statement with these conditions; `__` stands for the colon of a key."""
    keys = {key.replace("__", ":").replace("PREFIX", PREFIX): value for key, value in claims.items()}
    return trusting(Condition={"StringEquals": keys})


def denying(aws: FakeAws) -> None:
    trust = aws.home.role(WANTED.role_name).trust
    trust["Statement"].append(trust["Statement"][0] | {"Effect": "Deny"})


def trusting_nobody(aws: FakeAws) -> None:
    aws.home.role(WANTED.role_name).trust["Statement"].clear()


def list_cases() -> list[Case]:
    """Each of AWS's refusals, with each state of the account and the issuer that may stand behind it."""
    elsewhere = "arn:aws:iam::999999999999:oidc-provider/sts.vertesia.io"
    gov = f"arn:aws-us-gov:iam::{WANTED.account_id}:oidc-provider/sts.vertesia.io"
    agreed = {"PREFIX__sub": WANTED.subject, "PREFIX__aud": "bedrock"}
    trusts: list[tuple[str, Bend]] = [
        ("another subject", checking(**agreed | {"PREFIX__sub": "env:a:b"})),
        ("subject in another case", checking(**agreed | {"PREFIX__sub": WANTED.subject.upper()})),
        ("another audience", checking(**agreed | {"PREFIX__aud": "blobs"})),
        ("audience in another case", checking(**agreed | {"PREFIX__aud": "Bedrock"})),
        (
            "scheme in the condition key",
            trusting(Condition={"StringEquals": {f"https://{PREFIX}:sub": WANTED.subject, f"{PREFIX}:aud": "bedrock"}}),
        ),
        ("another provider", trusting(Principal={"Federated": elsewhere.replace("vertesia", "others")})),
        ("provider of another account", trusting(Principal={"Federated": elsewhere})),
        ("provider of another partition", trusting(Principal={"Federated": gov})),
        ("an AWS principal", trusting(Principal={"AWS": WANTED.account_id})),
        ("another action", trusting(Action="sts:AssumeRole")),
        ("only a denial", trusting(Effect="Deny")),
        ("a denial beside it", denying),
        ("nobody", trusting_nobody),
        ("an address", trusting(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})),
    ]
    return [
        Case("no provider", *NO_PROVIDER, without_provider),
        Case("provider of the former issuer", *NO_PROVIDER, with_former_provider),
        Case("provider that IAM shows", *NO_PROVIDER),
        Case("provider that cannot be read", *NO_PROVIDER, unreadable),
        Case("audience missing", *AUDIENCE, with_audiences("blobs")),
        Case("audience list full", *AUDIENCE, with_audiences(*(f"audience-{number}" for number in range(100)))),
        Case("audience that IAM shows", *AUDIENCE),
        Case("audience that cannot be read", *AUDIENCE, unreadable),
        Case("key that this console reads", *NO_KEY),
        Case("issuer not reached", *NO_KEY, failed=("address", "not_connected")),
        Case("certificate refused", *NO_KEY, failed=("address", "tls_failed")),
        Case("discovery names another issuer", *NO_KEY, failed=("discovery", "issuer_differs")),
        Case("discovery too slow", *NO_KEY, failed=("discovery", "too_slow")),
        Case("key missing", *NO_KEY, failed=("keys", "key_missing")),
        Case("too many keys", *NO_KEY, failed=("keys", "too_many_keys")),
        Case("issuer not reached by STS", "IDPCommunicationError", "The identity provider could not be reached"),
        Case(
            "clock behind",
            "ExpiredTokenException",
            "Token expired: current date/time 2 must be before the expiration date/time 1",
        ),
        Case(
            "clock ahead",
            "InvalidIdentityToken",
            "Token not yet valid: current date/time 1 must not be before the not-before date/time 2",
        ),
        Case("thumbprint", "InvalidIdentityToken", "HTTPS certificate doesn't match configured thumbprint"),
        Case("signature", "InvalidIdentityToken", "Token signature invalid"),
        Case(
            "signature, and the key is missing",
            "InvalidIdentityToken",
            "Token signature invalid",
            failed=("keys", "key_missing"),
        ),
        Case("region off", "RegionDisabledException", "STS is not activated in this region for account:111122223333."),
        Case(
            "session length",
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        Case("role that cannot be read", *DENIED, unreadable),
        Case("no role", *DENIED, without_role),
        Case("denied above", *DENIED),
        *(Case(f"trust: {name}", *DENIED, bend) for name, bend in trusts),
        Case("nobody knows", "SomethingNew", "AWS said something that nobody has heard before"),
    ]
