"""What is met outside this console only: in a template, in a call of one's own, in Vertesia. One cause each. Pure."""

import shlex

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import ASSUME_WITH_WEB_IDENTITY, DOCS, ErrorFacts, Problem
from aws_setup.diagnosis.commands import show_trust
from aws_setup.diagnosis.exchange import PROVIDERS_PAGE


def explain_cfn_thumbprint(error: ErrorFacts, desired: DesiredState) -> Problem:
    """CloudFormation wants a thumbprint (aws-cloudformation/cloudformation-coverage-roadmap#2092)."""
    host = desired.condition_key_prefix.partition("/")[0]
    connect = ("openssl", "s_client", "-connect", f"{host}:443", "-servername", host, "-showcerts")
    return Problem(
        code="cfn_thumbprint_missing",
        sentence="CloudFormation made no identity provider, because the template leaves ThumbprintList out.",
        why="IAM's own API has needed no thumbprint since July 2024 and fills one in; CloudFormation still wants one. "
        "STS looks at it only where the issuer's certificate comes from no public authority.",
        remedy="Add ThumbprintList with the thumbprint that the command computes. Or plan the connection here, which "
        "creates the provider by IAM's API, and take it out of the template.",
        command=f"{shlex.join(connect)} </dev/null 2>/dev/null "
        '| awk \'/BEGIN CERT/{c=""} {c=c $0 "\\n"} END{print c}\' '
        "| openssl x509 -fingerprint -sha1 -noout | sed 's/.*=//; s/://g'",
        link=f"{DOCS}/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-oidcprovider.html",
        fix="plan",
        evidence=error.evidence,
    )


def explain_external_id(error: ErrorFacts, desired: DesiredState) -> Problem:
    """An external id where none is taken: the call's own page lists its parameters."""
    return Problem(
        code="external_id_not_taken",
        sentence="An exchange of a web identity's token knows no external id.",
        why="The external id belongs to sts:AssumeRole. Here the token itself says for whom it is: the trust policy "
        "asks for its subject and audience, which do that job.",
        remedy="Leave the external id out of the call, and sts:ExternalId out of the role's trust policy: a condition "
        "on it is never met.",
        command=show_trust(desired.role_name),
        link=ASSUME_WITH_WEB_IDENTITY,
        fix="plan",
        evidence=error.evidence,
    )


def explain_existing_provider(error: ErrorFacts, desired: DesiredState) -> Problem:
    """What creates without looking fails (aws-cloudformation/cloudformation-coverage-roadmap#1048)."""
    return Problem(
        code="provider_exists",
        sentence="The account has an identity provider for this issuer already, and takes one for each.",
        why="A template that creates one fails, and where it is taken back it may take the existing one with it.",
        remedy="Plan the connection here: the provider is taken up as it is, and only the audience is added where it "
        "is missing. In a template, make its creation a parameter, and set DeletionPolicy and UpdateReplacePolicy to "
        "Retain.",
        command="aws iam list-open-id-connect-providers",
        link=PROVIDERS_PAGE,
        fix="plan",
        evidence=error.evidence,
    )


def explain_swallowed(error: ErrorFacts, desired: DesiredState) -> Problem:
    """All that Vertesia's Bedrock driver says (vertesia/llumiverse, drivers/src/bedrock/index.ts, August 2026)."""
    return Problem(
        code="listing_swallowed",
        sentence="Vertesia got no list of foundation models, and keeps AWS's reason to itself.",
        why="Its Bedrock driver says this of every failure: of a refused exchange as of a missing permission.",
        remedy="Verify the environment here: the same token and the same call are tried, and AWS's reason is shown.",
        command=shlex.join(("./manage.py", "verify", desired.environment_id)),
        fix="verify",
        evidence=error.evidence,
    )
