"""What is wrong, in one sentence, and what to do about it. Pure: from an error's facts to a Problem."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Problem:
    """One cause with one remedy. `fix` names what the button beside it does: plan, verify, check_caller or none."""

    code: str
    sentence: str
    why: str = ""
    remedy: str = ""
    command: str = ""
    link: str = ""
    fix: str = ""
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """All that a person is told, where there is room for one line only."""
        return " ".join(filter(None, (self.sentence, self.why, self.remedy)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


class Blocked(Exception):
    """Nothing can go on until a person has dealt with `problem`. Waiting or retrying does not help."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


INTERNAL_ERROR = Problem(
    code="internal_error",
    sentence="The console made a mistake.",
    why="It is logged by the worker with all that is needed to find it. What was written to AWS stands in the history.",
    remedy="Make a new plan: it starts from what AWS holds now. If it stays, report the log of the worker.",
    fix="plan",
)

DOCS = "https://docs.aws.amazon.com"
TROUBLESHOOT_WEB_IDENTITY = f"{DOCS}/IAM/latest/UserGuide/troubleshoot_roles.html"
ASSUME_WITH_WEB_IDENTITY = f"{DOCS}/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"

_DENIED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_DENYING_POLICIES = (
    ("service control policy", "scp", "A service control policy of your AWS organization forbids it."),
    ("resource control policy", "rcp", "A resource control policy of your AWS organization forbids it."),
    ("permissions boundary", "boundary", "A permissions boundary does not allow it."),
    ("session policy", "session_policy", "The session policy of the assumed role does not allow it."),
    ("resource-based policy", "resource_policy", "A policy on the resource does not allow it."),
    ("identity-based policy", "identity_policy", "No identity-based policy allows it."),
)


@dataclass(frozen=True)
class ErrorFacts:
    """What AWS said: `operation` as in iam:CreateRole, AWS's code and words, the request id for CloudTrail."""

    operation: str
    code: str
    message: str
    request_id: str = ""

    @property
    def evidence(self) -> dict[str, str]:
        facts = {
            "call": self.operation,
            "AWS error code": self.code,
            "AWS says": self.message,
            "request id": self.request_id,
        }
        return {name: value for name, value in facts.items() if value}


def find_denying_policy(message: str) -> tuple[str, str]:
    """Which kind of policy AWS names as the one that denied: (code, sentence).

    AWS names one kind, and some services none: then ("unknown", …) with the candidates.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    lower = message.lower()
    for words, code, sentence in _DENYING_POLICIES:
        if words in lower:
            return code, sentence
    return (
        "unknown",
        "AWS does not say which policy denies it: an identity policy, a permissions boundary, a session policy or a "
        "service control policy.",
    )


def find_denied_action(error: ErrorFacts) -> str:
    """The action AWS says is missing: not always the call's own, as iam:TagRole is for a CreateRole with tags."""
    named = _DENIED_ACTION.search(error.message)
    return named[1] if named else error.operation


def _remedy_of_denial(kind: str, *, action: str, caller: str, is_explicit: bool) -> str:
    """Who must change which policy. Asking again helps in none of these cases."""
    policy = "The whole policy the console needs is printed by the command below and on the page Accounts → Policy."
    exempt = f"take {action} out of the deny" if is_explicit else f"allow {action} there"
    match kind:
        case "scp" | "rcp":
            return (
                "Ask the administrators of the AWS organization to exempt this account or action: nothing in the "
                "account's own IAM can lift it."
            )
        case "boundary":
            return (
                f"The permissions boundary of {caller} bounds it whatever its policies say: let an administrator "
                f"{exempt}. {policy}"
            )
        case "session_policy":
            return (
                f"The session of {caller} was narrowed when it was handed out, not the role itself: let whoever starts "
                f"the worker {exempt}, or leave the session policy out."
            )
        case "unknown":
            return (
                f"Look at them in this order: allow {action} for {caller} in its own policy; then its permissions "
                "boundary; then the session policy; then ask the administrators of the AWS organization. The request "
                f"id finds the call in CloudTrail. {policy}"
            )
    what = f"Let an administrator {exempt}, for {caller}." if is_explicit else f"Allow {action} for {caller}."
    return f"{what} {policy}"


def explain_worker_denied(error: ErrorFacts, *, caller_arn: str) -> Problem:
    """The worker's own rights do not suffice for a call."""
    kind, sentence = find_denying_policy(error.message)
    action, caller = find_denied_action(error), caller_arn or "the worker"
    is_explicit = "explicit deny" in error.message.lower()
    return Problem(
        code="worker_denied",
        sentence=f"The console may not call {action} in this account.",
        why=f"{sentence} It is an explicit deny, which no other policy outweighs." if is_explicit else sentence,
        remedy=_remedy_of_denial(kind, action=action, caller=caller, is_explicit=is_explicit),
        command="./manage.py provisioning_policy",
        link=f"{DOCS}/IAM/latest/UserGuide/troubleshoot_access-denied.html",
        fix="plan",
        evidence=error.evidence,
    )


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
    option = f" --profile {profile}" if profile else ""
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
            command=f"aws sso login{option}",
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
            command=f"aws sts get-caller-identity{option}",
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
        command=f"aws sts get-caller-identity{option}",
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


def explain_unknown(error: ErrorFacts) -> Problem:
    """An error nobody has classified: AWS's words and request id, and that it is unknown."""
    return Problem(
        code="unknown",
        sentence=f"{error.operation} failed in a way this console does not know.",
        why=f"AWS says: {error.code}: {error.message}",
        remedy="Try again. If it stays, show AWS's words and the request id to your AWS administrator or AWS support.",
        fix="verify",
        evidence=error.evidence,
    )


def explain_list_denied(error: ErrorFacts, *, role_name: str) -> Problem:
    """The role was assumed, but may not list."""
    _, sentence = find_denying_policy(error.message)
    loses = {
        "bedrock:ListFoundationModels": "Without it Studio shows no models at all.",
        "bedrock:ListInferenceProfiles": "Without it Studio silently shows fewer models: "
        "those that are reached only through profiles are missing.",
        "bedrock:ListCustomModels": "Without it Studio silently leaves out custom models.",
    }.get(error.operation, "")
    return Problem(
        code="list_denied",
        sentence=f"Role {role_name} may not call {error.operation}.",
        why=f"{loses} {sentence}".strip(),
        remedy="Plan the connection again: it puts the agreed policy back on the role. If an organization's policy "
        "denies it, the AWS administrators must allow it there.",
        link=f"{DOCS}/bedrock/latest/userguide/security-iam.html",
        fix="plan",
        evidence=error.evidence,
    )
