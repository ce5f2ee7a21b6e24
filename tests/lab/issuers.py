"""An issuer that AWS cannot read, or whose keys it cannot use, and a clock that is wrong: nothing in IAM is."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from environments.installation import default_issuer
from tests.lab.bench import Bench
from tests.lab.issuer import DISCOVERY, KEYS, Answer, PublicIssuer, Spoil
from tests.lab.rows import Do, Matrix, Mended, Outcome, by_administrator, find_and_mend

issuers = Matrix()
SLOWER_THAN_AWS_WAITS = 8.0
THUMBPRINT = "0123456789abcdef0123456789abcdef01234567"


def by_issuer(act: Do) -> Mended:
    return Mended("whoever runs the issuer", act)


def while_it(misbehaves, *, mended_by=by_issuer):
    """The issuer misbehaves until whoever runs it does what the remedy says."""

    def play(bench: Bench, outcome: Outcome) -> None:
        spoiled: AbstractContextManager[None] = misbehaves(bench.issuer)
        spoiled.__enter__()
        is_over = False

        def behave(bench: Bench) -> None:
            nonlocal is_over
            is_over = True
            spoiled.__exit__(None, None, None)

        try:
            find_and_mend(bench, outcome, mended=mended_by(behave))
        finally:
            if not is_over:
                spoiled.__exit__(None, None, None)

    return play


def spoils(path: str, spoil):
    """What is answered at this path is spoiled, all else is as the console publishes it."""
    of_path: Spoil = lambda asked, answer: spoil(answer) if asked == path else answer  # noqa: E731

    return lambda issuer: issuer.spoiling(of_path)


def slowly(answer: Answer) -> Answer:
    return replace(answer, delay=SLOWER_THAN_AWS_WAITS)


def fail(answer: Answer) -> Answer:
    return Answer(b"Internal Server Error", status=500, headers={"Content-Type": "text/plain"})


def redirect(answer: Answer) -> Answer:
    return Answer(b"", status=302, headers={"Location": "https://login.example.com/"})


def show_a_page(answer: Answer) -> Answer:
    return Answer(b"<!doctype html><title>Welcome</title>", headers={"Content-Type": "text/html"})


def name_another_issuer(answer: Answer) -> Answer:
    return answer.with_document(answer.document | {"issuer": answer.document["issuer"] + "/"})


def leave_out_jwks_uri(answer: Answer) -> Answer:
    return answer.with_document({k: v for k, v in answer.document.items() if k != "jwks_uri"})


def publish_nothing(answer: Answer) -> Answer:
    return answer.with_document({"keys": []})


def make_key(kid: str) -> dict[str, object]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    key: dict[str, object] = json.loads(RSAAlgorithm.to_jwk(public))
    return key | {"kid": kid, "use": "sig", "alg": "RS256"}


def publish_another_kid(answer: Answer) -> Answer:
    return answer.with_document({"keys": [key | {"kid": f"former-{key['kid']}"} for key in answer.document["keys"]]})


def publish_a_foreign_key(answer: Answer) -> Answer:
    return answer.with_document({"keys": [make_key(key["kid"]) for key in answer.document["keys"]]})


def publish_101_keys(answer: Answer) -> Answer:
    [key, *_] = answer.document["keys"]
    return answer.with_document({"keys": [key, *(key | {"kid": f"former-{number}"} for number in range(100))]})


for number, name, path, spoil, rung, cause in (
    ("2", "discovery takes longer than AWS waits", DISCOVERY, slowly, "discovery", "issuer_too_slow"),
    ("2", "the keys take longer than AWS waits", KEYS, slowly, "signing_key", "issuer_too_slow"),
    ("2", "discovery answers HTTP 500", DISCOVERY, fail, "discovery", "issuer_http_status"),
    ("2", "discovery redirects to a sign-in", DISCOVERY, redirect, "discovery", "issuer_redirected"),
    ("2", "discovery is a web page", DISCOVERY, show_a_page, "discovery", "issuer_not_json"),
    ("2", "discovery names another issuer", DISCOVERY, name_another_issuer, "discovery", "issuer_differs"),
    ("2", "discovery names no keys", DISCOVERY, leave_out_jwks_uri, "discovery", "issuer_no_jwks_uri"),
    ("2", "the keys answer HTTP 500", KEYS, fail, "signing_key", "issuer_http_status"),
    ("2", "no key is published", KEYS, publish_nothing, "signing_key", "issuer_no_keys"),
    ("2", "the key that signs is not published", KEYS, publish_another_kid, "signing_key", "issuer_key_missing"),
    ("2", "another key is published under the same kid", KEYS, publish_a_foreign_key, "signing_key", "token_refused"),
    ("24", "101 keys are published", KEYS, publish_101_keys, "signing_key", "issuer_too_many_keys"),
):  # fmt: skip
    issuers.add(
        number,
        name,
        while_it(spoils(path, spoil)),
        rung=rung,
        cause=cause,
        is_alone=True,
        is_sample=number == "24",
    )
issuers.add(
    "2",
    "the issuer refuses connections",
    while_it(PublicIssuer.closed),
    rung="issuer",
    cause="issuer_not_connected",
    is_alone=True,
)
issuers.broken(
    "2",
    "a firewall keeps AWS out, and nobody else",
    lambda bench: bench.break_("stop_issuer"),
    rung="issuer",
    cause="issuer_unreachable",
    mended=by_issuer(lambda bench: bench.break_("start_issuer")),
    is_alone=True,
)


def turn_to_private_authority(bench: Bench) -> None:
    bench.order("issuers", issuer_url=default_issuer().url, thumbprint=THUMBPRINT)


def replace_thumbprints(bench: Bench) -> None:
    bench.iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=bench.provider_arn, ThumbprintList=[THUMBPRINT]
    )


def play_thumbprint(bench: Bench, outcome: Outcome) -> None:
    turn_to_private_authority(bench)
    try:
        find_and_mend(bench, outcome, mended=by_administrator(replace_thumbprints))
    finally:
        bench.order("issuers", issuer_url=default_issuer().url, thumbprint=None)


issuers.add(
    "3",
    "the issuer's certificate does not match the thumbprint",
    play_thumbprint,
    rung="issuer",
    cause="thumbprint_wrong",
    is_alone=True,
)


def while_awss_clock_is(offset_seconds: int):
    """As AWS sees it, this machine's clock is wrong by as much in the other direction."""

    def play(bench: Bench, outcome: Outcome) -> None:
        bench.order("settings", clock_offset_seconds=offset_seconds)

        def set_clock(bench: Bench) -> None:
            bench.order("settings", clock_offset_seconds=0)

        try:
            mended = Mended("whoever runs the machine", set_clock)
            find_and_mend(bench, outcome, mended=mended)
        finally:
            set_clock(bench)

    return play


for name, offset in (("behind", 1200), ("ahead", -1200)):
    issuers.add(
        "skew",
        f"this machine's clock is twenty minutes {name}",
        while_awss_clock_is(offset),
        rung="token",
        cause="clock_wrong",
        is_alone=True,
    )
