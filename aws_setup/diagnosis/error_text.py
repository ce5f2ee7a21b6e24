"""Reading an error of AWS out of what somebody pasted: code, call, words and request id, as far as it has them. Pure.

The forms are those of boto3 and the AWS CLI, AWS's SDKs for Java (and so CloudFormation's events), JavaScript and Go
(and so Terraform), and Vertesia's Bedrock driver.
"""

import re

from aws_setup.diagnosis import ErrorFacts

LONGEST_WORDS = 500
SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JSON Web Token
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"  # an AWS access key id
    r"|(?<=[Kk]ey[\"'\s:=])[\"'\s:=]{0,4}[A-Za-z0-9/+]{40}\b"  # a secret access key, by what stands before it
    r"|(?<![\w/+:-])(?=[A-Za-z0-9]*[/+])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])[A-Za-z0-9/+]{40}(?![\w/+=-])"
    r"|\b(?:IQoJb3JpZ2lu|F[Qw]oGZXIvYXdz)[A-Za-z0-9+/=_-]+"  # an AWS session token
    r"|\b(?:sk|pk)-[A-Za-z0-9_-]{16,}"  # a Vertesia API key
    r"|\bwhsec_[A-Za-z0-9+/=]+"  # a webhook's secret
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)",  # name and password in an address
)
"""What looks like a token, a key or a password."""
_FORMS = (
    # An error occurred (AccessDenied) when calling the AssumeRole operation (reached max retries: 2): words
    re.compile(
        r"An error occurred \((?P<code>\w+)\) when calling the (?P<call>\w+) operation(?: \([^)]*\))?:\s*(?P<words>.+)",
        re.DOTALL,
    ),
    # [bedrock] AccessDeniedException: [403] words (Request ID: 1-2-3)
    re.compile(r"\[bedrock\] (?P<code>\w+): \[\d*\]\s*(?P<words>.+)", re.DOTALL),
    # operation error STS: AssumeRoleWithWebIdentity, https response error …, api error AccessDenied: words
    re.compile(r"operation error [\w ]+: (?P<call>\w+),.*?api error (?P<code>\w+): (?P<words>.+)", re.DOTALL),
    # words (Service: Iam, Status Code: 403, Request ID: 1-2-3), with an Error Code: … in version 1
    re.compile(
        r"^(?P<words>[^\n]+?)\(Service: (?:(?=[^)]*Error Code: (?P<code>\w+)))?[^)]*\)",
        re.MULTILINE,  # each line is tried from its beginning only: people paste what takes others forever
    ),
    # AccessDeniedException: words
    re.compile(
        r"\b(?P<code>[A-Z][A-Za-z]+(?:Exception|Error|Denied|Token|Exists|Exceeded|Entity)): (?P<words>.+)", re.DOTALL
    ),
)
_REQUEST_ID = re.compile(r"(?:Request ?ID|requestId)['\"]?[:=]?\s*['\"]?([0-9A-Za-z-]{8,64})", re.IGNORECASE)
_AFTERWARDS = re.compile(r"\((?:Request ID|Service): [^)]*\).*|\(RequestToken: .*", re.DOTALL)
_DENIED_ACTION = re.compile(r"[Nn]ot authorized to perform:? ((?:[a-z0-9-]+):[A-Za-z]+)")
_LISTS = r"List(?:FoundationModels|InferenceProfiles|CustomModels)|GetFoundationModel|GetInferenceProfile"
_SERVICES = (
    ("sts", re.compile(r"AssumeRole|GetCallerIdentity")),
    ("bedrock", re.compile(_LISTS)),
    ("bedrock-runtime", re.compile(r"Converse|InvokeModel")),
    ("iam", re.compile(r"Role|Policy|OpenIDConnectProvider|Polic")),
)
_CODES_IN_WORDS = (
    ("not authorized to perform", "AccessDenied"),
    ("no openidconnect provider found", "InvalidIdentityToken"),
    ("incorrect token audience", "InvalidIdentityToken"),
    ("retrieve verification key", "InvalidIdentityToken"),
    ("match configured thumbprint", "InvalidIdentityToken"),
)


def leave_out_tokens(text: str) -> str:
    """The text without any token or key that was pasted with it: nobody is to see it again."""
    return SECRETS.sub("(a token, left out)", text)


def read_error(text: str) -> ErrorFacts:
    """What AWS said. Where no form fits, all of the text counts as AWS's words; `operation` is empty where unknown."""
    text = leave_out_tokens(text).strip()
    found = next((match for form in _FORMS if (match := form.search(text))), None)
    parts = found.groupdict() if found else {}
    words = " ".join(_AFTERWARDS.sub("", parts.get("words") or text).split())
    request_id = _REQUEST_ID.search(text)
    return ErrorFacts(
        operation=_name_operation(parts.get("call") or "", text),
        code=parts.get("code") or _guess_code(words),
        message=words[:LONGEST_WORDS],
        request_id=request_id[1] if request_id else "",
    )


def _guess_code(words: str) -> str:
    return next((code for known, code in _CODES_IN_WORDS if known in words.lower()), "")


def _name_operation(call: str, text: str) -> str:
    """As in `sts:AssumeRoleWithWebIdentity`: by the call where it is named, else by the action that was denied."""
    if call:
        service = next((name for name, calls in _SERVICES if calls.search(call)), "")
        return f"{service}:{call}" if service else call
    denied = _DENIED_ACTION.search(text)
    return denied[1] if denied else ""
