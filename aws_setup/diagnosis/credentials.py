"""What is wrong with the worker's own credentials: each state with its own command. Pure."""

from aws_setup.diagnosis import DOCS, TROUBLESHOOT_WEB_IDENTITY, ErrorFacts, Problem
from aws_setup.diagnosis.commands import aws

EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")


def is_clock_skew(error: ErrorFacts) -> bool:
    """Whether AWS refuses a signature for the time it bears, and not for the key: it names both times then."""
    words = error.message.lower()
    return "signature expired" in words or "signature not yet current" in words or error.code == "RequestTimeTooSkewed"


def _explain_worker_clock(error: ErrorFacts) -> Problem:
    return Problem(
        code="worker_clock_wrong",
        sentence="The clock of the machine that the worker runs on is wrong.",
        why=f"AWS takes a signature for five minutes around the time it bears. AWS says: {error.message}",
        remedy="Set the clock (NTP) of that machine, then check again and go on: only what is still missing is done.",
        command="date -u; timedatectl status",
        link=f"{DOCS}/IAM/latest/UserGuide/signing-elements.html",
        fix="check_caller",
        evidence=error.evidence,
    )


def explain_credentials(error: ErrorFacts, *, profile: str = "", is_sandbox: bool = False) -> Problem:
    """The worker's own credentials are missing, wrong or ran out; each state with its own command."""
    option = ("--profile", profile) if profile else ()
    link = f"{DOCS}/cli/latest/userguide/cli-configure-files.html"
    if is_clock_skew(error):
        return _explain_worker_clock(error)
    if is_sandbox and error.code not in EXPIRED_CODES:
        return Problem(
            code="sandbox_credentials",
            sentence="The sandbox AWS does not accept the console's fixed keys.",
            why=error.message,
            remedy="The address in use does not belong to this console's sandbox. Stop the console and start it again.",
            command="make run",
            evidence=error.evidence,
        )
    if error.code == "ProfileNotFound":
        return Problem(
            code="profile_not_found",
            sentence="The AWS profile that the worker was told to use does not exist.",
            why=error.message,
            remedy="Set AWS_PROFILE to a profile of the machine's AWS configuration, then restart the worker: "
            "variables are read at its start.",
            command="aws configure list-profiles",
            link=link,
            fix="check_caller",
        )
    if error.code in ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError", "SSOError"):
        return Problem(
            code="sso_expired",
            sentence="The worker's sign-in at AWS IAM Identity Center has run out.",
            why="Until somebody signs in again, the worker can neither read nor change this account.",
            remedy="Sign in on the worker's machine, then check again. No restart is needed.",
            command=aws("sso", "login", *option),
            link=f"{DOCS}/cli/latest/userguide/cli-configure-sso.html",
            fix="check_caller",
        )
    if error.code in EXPIRED_CODES:
        return Problem(
            code="credentials_expired",
            sentence="The worker's AWS credentials have run out.",
            why=f"AWS says: {error.message}",
            remedy="Renew them and restart the worker if they came from variables; "
            "with a profile or an instance role no restart is needed.",
            command=aws("sts", "get-caller-identity", *option),
            link=link,
            fix="check_caller",
            evidence=error.evidence,
        )
    if error.code == "SignatureDoesNotMatch":
        return Problem(
            code="signature_wrong",
            sentence="AWS refuses the signature of the worker's requests.",
            why=f"The secret key does not belong to the access key, or something on the way changes requests. "
            f"AWS says: {error.message}",
            remedy="Set the credentials again and restart the worker; if it stays, look for a proxy between.",
            command="date -u; curl -sI https://sts.amazonaws.com | grep -i ^date",
            fix="check_caller",
            evidence=error.evidence,
        )
    if error.code in ("NoCredentialsError", "PartialCredentialsError"):
        return Problem(
            code="no_credentials",
            sentence="The worker has no AWS credentials.",
            why="boto3 looked at the environment variables, the profile files, the container and the instance, "
            "and found none that are complete.",
            remedy="Give the worker an instance or container role, or name a profile; then restart the worker. "
            "The console itself never asks for an access key.",
            command="aws sso login --profile NAME && AWS_PROFILE=NAME AWS_SANDBOX=0 make run",
            link=link,
            fix="check_caller",
        )
    if error.operation == "sts:AssumeRole" or "AssumeRole" in error.message:
        return explain_assume_role(error)
    return Problem(
        code="credentials_refused",
        sentence="AWS does not accept the worker's credentials.",
        why=f"AWS says: {error.message}",
        remedy="The key may be deleted or deactivated. Set working credentials and restart the worker.",
        command=aws("sts", "get-caller-identity", *option),
        link=link,
        fix="check_caller",
        evidence=error.evidence,
    )


def explain_assume_role(error: ErrorFacts) -> Problem:
    """The worker's own credentials work, but the account's role does not let it in."""
    return Problem(
        code="role_not_assumable",
        sentence="The worker cannot assume the role it was given for this account.",
        why=f"AWS says: {error.message}",
        remedy="Let the role's trust policy name the worker's caller (and the same external id, if one is set), "
        "and let the worker's own policy allow sts:AssumeRole on that role.",
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="check_caller",
        evidence=error.evidence,
    )
