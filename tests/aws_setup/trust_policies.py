"""Tokens and trust policies for tests: the agreed one, and as people write them, with the mistakes they make."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from aws_setup.policies import VERSION
from aws_setup.trust.evaluation import Verdict, evaluate_trust
from aws_setup.trust.token_request import TokenRequest, token_request
from tests.aws_setup.desires import ACCOUNT, ORGANIZATION, desire

AGREED = desire()
ISSUER = "sts.vertesia.io"
SUB, AUD = f"{ISSUER}:sub", f"{ISSUER}:aud"
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
SIBLING = f"env:{ORGANIZATION}:66a0c0ffee5a4db0c4b0e002"
CLAIMS: dict[str, Any] = {"iss": AGREED.issuer_url, "sub": AGREED.subject, "aud": "bedrock", "jti": "t-1"}


def token(**changes: Any) -> TokenRequest:
    """Our environment's token, but for what a test is about."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return token_request(
        issuer_url=claims["iss"],
        claims=claims,
        provider_arn=AGREED.provider_arn_of(claims["iss"]),
        session_name="vertesia-proof",
    )


OURS = token()


def allow(condition: Any = None, **changes: Any) -> dict[str, Any]:
    """The agreed statement with other conditions, or whatever else a test is about."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": AGREED.provider_arn},
        "Action": WEB_IDENTITY,
        "Condition": {"StringEquals": {AUD: "bedrock", SUB: AGREED.subject}} if condition is None else condition,
    } | changes
    return {name: value for name, value in statement.items() if value is not None}


def equals(**by_claim: Any) -> dict[str, Any]:
    return {"StringEquals": {f"{ISSUER}:{claim}": value for claim, value in by_claim.items()}}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


def verdict(trust: Any, request: TokenRequest = OURS) -> Verdict:
    return evaluate_trust(trust, request).verdict


# What is generated: policies as people write them, with the mistakes they make.

SUBJECTS = [
    AGREED.subject,
    SIBLING,
    AGREED.subject.upper(),
    f" {AGREED.subject}",
    f"env:{ORGANIZATION}:*",
    "env:*",
    "*",
    "bedrock",
]
AUDIENCES = ["bedrock", "Bedrock", "blobs", "b*", "bedroc?", AGREED.subject]
PREFIXES = [ISSUER, ISSUER.upper(), f"https://{ISSUER}", f"{ISSUER}/", "sts.becomposable.com"]
PROVIDERS = [
    AGREED.provider_arn,
    AGREED.provider_arn.replace(ACCOUNT, "999900001111"),
    AGREED.provider_arn.replace("arn:aws:", "arn:aws-us-gov:"),
    AGREED.provider_arn_of("https://sts.becomposable.com"),
    f"{AGREED.provider_arn}/",
]
ACTIONS = [WEB_IDENTITY, "sts:*", "STS:assumerolewith?ebidentity", "sts:AssumeRole", "sts:TagSession", "*"]
STRING_OPERATORS = [
    f"{quantifier}{name}{suffix}"
    for quantifier in ("", "ForAllValues:", "ForAnyValue:")
    for name in ("StringEquals", "StringLike", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotLike")
    for suffix in ("", "IfExists")
]


def one_or_more(choices: list[str]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(choices), st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True))


VALUES = one_or_more(SUBJECTS + AUDIENCES)
KEYS = st.builds(
    lambda prefix, claim: f"{prefix}:{claim}",
    st.sampled_from(PREFIXES),
    st.sampled_from(["sub", "aud", "oaud", "repository"]),
)
OTHER_CONDITIONS = st.sampled_from(
    [
        ("StringEquals", "sts:RoleSessionName", "vertesia-proof"),
        ("StringLike", "sts:RoleSessionName", "other-*"),
        ("StringEquals", "sts:ExternalId", "1234"),
        ("Null", SUB, "false"),
        ("Null", f"{ISSUER}:amr", "true"),
        ("Null", AUD, "true"),
        ("Bool", "aws:SecureTransport", "true"),
        ("ArnEquals", "aws:FederatedProvider", AGREED.provider_arn),
        ("StringNotEquals", "aws:FederatedProvider", AGREED.provider_arn),
    ]
)
CONDITIONS = st.lists(
    st.one_of(st.tuples(st.sampled_from(STRING_OPERATORS), KEYS, VALUES), OTHER_CONDITIONS), max_size=3
).map(lambda rows: _as_block(rows))
# Half of them differ from the agreed conditions in one thing only, as most real ones do.
NEAR_CONDITIONS = st.tuples(
    st.sampled_from(["StringEquals", "StringLike", "ForAllValues:StringEquals", "StringEqualsIfExists"]),
    st.sampled_from(PREFIXES),
    one_or_more(SUBJECTS),
    one_or_more(AUDIENCES),
).map(lambda found: {found[0]: {f"{found[1]}:sub": found[2], AUD: found[3]}})


def _as_block(rows: list[tuple[str, str, Any]]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for operator, key, value in rows:
        block.setdefault(operator, {})[key] = value
    return block


def statements(principals: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda effect, principal, actions, condition: {
            "Effect": effect,
            "Principal": principal,
            **actions,
            "Condition": condition,
        },
        st.sampled_from(["Allow", "Allow", "Deny"]),
        principals,
        st.one_of(
            st.just({"Action": WEB_IDENTITY}),
            st.builds(lambda found: {"Action": found}, one_or_more(ACTIONS)),
            st.builds(lambda found: {"NotAction": found}, one_or_more(ACTIONS)),
        ),
        st.one_of(NEAR_CONDITIONS, CONDITIONS),
    )


FEDERATED = st.one_of(
    st.just({"Federated": AGREED.provider_arn}),
    st.builds(lambda found: {"Federated": found}, one_or_more(PROVIDERS)),
    st.just("*"),
)
ANYBODY = st.one_of(
    FEDERATED,
    st.just({"AWS": "*"}),
    st.just({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    st.builds(lambda found: {"Federated": found, "AWS": f"arn:aws:iam::{ACCOUNT}:root"}, one_or_more(PROVIDERS)),
)
POLICIES = st.lists(statements(ANYBODY), max_size=3).map(lambda found: policy(*found))
# Nearer to the agreed statement than those: one with a mistake or two.
NEAR_OPERATORS = ["StringEquals", "StringLike", "StringEqualsIgnoreCase", "ForAllValues:StringLike"]
NEAR_OPERATORS += ["ForAnyValue:StringEquals", "StringEqualsIfExists"]
NEAR_STATEMENTS = st.builds(
    lambda provider, action, checks: allow(
        _as_block([(check[0], f"{check[1]}:{claim}", check[2]) for claim, check in checks.items()]),
        Principal={"Federated": provider},
        Action=action,
    ),
    st.one_of(st.just(AGREED.provider_arn), one_or_more(PROVIDERS)),
    st.sampled_from([WEB_IDENTITY, WEB_IDENTITY, "sts:AssumeRole"]),
    st.fixed_dictionaries(
        {},
        optional={
            claim: st.tuples(
                st.sampled_from(NEAR_OPERATORS),
                st.sampled_from([ISSUER, ISSUER, *PREFIXES]),
                st.one_of(st.just(CLAIMS[claim]), one_or_more(values)),
            )
            for claim, values in (("sub", SUBJECTS), ("aud", AUDIENCES))
        },
    ),
)
NEAR_POLICIES = st.builds(
    lambda one, others: policy(one, *others), NEAR_STATEMENTS, st.lists(statements(ANYBODY), max_size=1)
)
WORDS = ["Statement", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition", "Federated", "AWS"]
WORDS += ["StringEquals", "Null", "DateLessThan", "NumericEquals", "IpAddress", "ArnLike", "BinaryEquals", SUB, AUD]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(WORDS),
                st.text(st.characters(), max_size=5),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)

PROPERTIES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
