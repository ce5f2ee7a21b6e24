"""What keeps AWS from the issuer's signing keys: one cause each. Pure.

The rules are AWS's for the documents of an OIDC identity provider:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from collections.abc import Mapping

from aws_setup.diagnosis import TROUBLESHOOT_WEB_IDENTITY, ErrorFacts, Problem
from aws_setup.diagnosis.commands import fetch_discovery

_REMEDIES = {
    "name_not_resolved": "Put the issuer's host name into public DNS; IAM needs no change.",
    "not_connected": "Let the issuer answer from the internet on port 443: look at the server, firewall and load "
    "balancer. IAM needs no change.",
    "address_not_allowed": "Give the issuer a public address: AWS reaches no private one.",
    "tls_failed": "Renew or complete the issuer's certificate: the chain must lead to a public authority and fit the "
    "host name.",
    "too_slow": "Make discovery and keys answer within five seconds together, best from a cache close to the internet.",
    "http_status": "Make the address answer 200 with the document.",
    "redirected": "Serve the document at that very address: AWS follows no redirect.",
    "bad_answer": "Let the address answer as a web server does, with the whole document.",
    "not_json": "Serve the document as plain JSON.",
    "too_large": "Make the document smaller: keep only keys that are in use.",
    "issuer_differs": "Let the discovery document name exactly the URL that stands in the tokens, to the letter.",
    "no_jwks_uri": "Let the discovery document name the address of the keys as jwks_uri.",
    "jwks_not_https": "Let jwks_uri be an https address without a port.",
    "no_keys": "Publish the signing key in the JWKS.",
    "too_many_keys": "Take former keys out of the JWKS: AWS reads at most 100.",
    "key_missing": "Publish the key that signs now in the JWKS before signing with it. If another installation answers "
    "at that address, correct ISSUER_URL.",
    "key_unusable": "Publish the key as RSA or EC, for RS256, RS384, RS512, ES256, ES384 or ES512, with use “sig”.",
}


def explain_issuer(
    error: ErrorFacts, *, issuer_url: str, code: str, sentence: str, evidence: Mapping[str, str]
) -> Problem:
    """What was found to be wrong when the issuer was read from here as AWS reads it; `code` is its step's."""
    return Problem(
        code=f"issuer_{code.removeprefix('issuer_')}",
        sentence=sentence,
        why="STS fetches the issuer's discovery document and keys over the network and waits five seconds at most. "
        f"Such refusals do not appear in CloudTrail. AWS says: {error.message}",
        remedy=f"{_REMEDIES.get(code, 'Mend the issuer; IAM needs no change.')} Then verify again.",
        command=fetch_discovery(issuer_url),
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="verify",
        evidence=error.evidence | dict(evidence),
    )


def explain_issuer_unreachable(error: ErrorFacts, *, issuer_url: str, seen_from_here: str) -> Problem:
    """AWS could not read the keys, though this console can, or could not try: `seen_from_here` says which."""
    return Problem(
        code="issuer_unreachable",
        sentence=f"AWS could not read the signing keys of {issuer_url}.",
        why="STS fetches the issuer's discovery document and keys over the network and waits five seconds at most. "
        f"Such refusals do not appear in CloudTrail. {seen_from_here}",
        remedy="Make the address answer from the internet, quickly and with a valid certificate; IAM needs no change. "
        "A firewall that lets only some networks in keeps AWS out.",
        command=fetch_discovery(issuer_url),
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="verify",
        evidence=error.evidence,
    )
