"""Why a call of the worker failed for another reason than rights and credentials. Pure."""

from aws_setup.diagnosis import DOCS, ErrorFacts, Problem, explain_unknown


def explain_unreachable(error: ErrorFacts, *, is_sandbox: bool) -> Problem:
    """No answer from AWS at all."""
    return Problem(
        code="aws_unreachable",
        sentence="The sandbox AWS does not answer." if is_sandbox else "AWS does not answer.",
        why=error.message,
        remedy="Start the console again: the sandbox is one of its processes."
        if is_sandbox
        else "Check the worker's network: name resolution, proxy and outgoing https to the endpoint in the message.",
        command="make run" if is_sandbox else "curl -sI https://sts.amazonaws.com",
        fix="verify",
        evidence=error.evidence,
    )


def explain_busy(error: ErrorFacts) -> Problem:
    """AWS was asked again for minutes and could not do it."""
    return Problem(
        code="aws_busy",
        sentence=f"AWS could not do {error.operation} now, and asking again did not help.",
        why=f"AWS says: {error.code}: {error.message}",
        remedy="Make a new plan in a while: it starts from what AWS holds then. If many set-ups run at once, "
        "AWS slows them down; it also says on its health page when it has trouble of its own.",
        link="https://health.aws.amazon.com/health/status",
        fix="plan",
        evidence=error.evidence,
    )


def explain_refused(error: ErrorFacts) -> Problem:
    """AWS refused a request for another reason than rights."""
    if error.code == "OpenIdIdpCommunicationError":
        return Problem(
            code="issuer_unreachable_from_iam",
            sentence="IAM could not reach the issuer, so it did not create the identity provider.",
            why="No thumbprint is sent: IAM connects to the issuer's address itself to fill one in.",
            remedy="Make the issuer answer from the internet over https with a valid certificate; then plan again.",
            command="curl -sS -m 5 -i ISSUER_URL/.well-known/openid-configuration",
            link=f"{DOCS}/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
            fix="plan",
            evidence=error.evidence,
        )
    if error.code in ("LimitExceeded", "LimitExceededException"):
        return Problem(
            code="quota_exceeded",
            sentence=f"A quota of the account does not allow {error.operation}.",
            why=f"AWS says: {error.message}",
            remedy="Remove what is no longer needed, or ask for a higher quota in Service Quotas; then plan again.",
            command="aws iam get-account-summary",
            link=f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
            fix="plan",
            evidence=error.evidence,
        )
    return explain_unknown(error)
