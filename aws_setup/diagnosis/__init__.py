"""What is wrong, in one sentence, and what to do about it. Pure: from an error's facts to a Problem."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Problem:
    """One cause with one remedy.

    `fix` names what the button beside it does: plan, verify, check_caller or none. `command` is a shell command that
    mends it, or shows more. `ask` is what somebody else, who has the rights, is to do, and `message` the whole text to
    send to them. `table` compares what AWS compared, a row for each thing. `severity` is "security" where the role lets
    in more than it should.
    """

    code: str
    sentence: str
    why: str = ""
    remedy: str = ""
    command: str = ""
    link: str = ""
    fix: str = ""
    evidence: dict[str, str] = field(default_factory=dict)
    ask: str = ""
    message: str = ""
    severity: str = ""
    table: list[dict[str, str]] = field(default_factory=list)

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


@dataclass(frozen=True)
class ErrorFacts:
    """What AWS said: `operation` as in iam:CreateRole, AWS's code and words, the request id for CloudTrail.

    `clock_offset` is how far AWS's clock is ahead of ours, in seconds, by its answer's Date; None where it had none.
    """

    operation: str
    code: str
    message: str
    request_id: str = ""
    clock_offset: int | None = None

    @property
    def evidence(self) -> dict[str, str]:
        facts = {
            "call": self.operation,
            "AWS error code": self.code,
            "AWS says": self.message,
            "request id": self.request_id,
        }
        return {name: value for name, value in facts.items() if value}


def explain_unknown(error: ErrorFacts) -> Problem:
    """An error nobody has classified: AWS's words and request id, and that it is unknown."""
    what = error.operation or "The call"
    return Problem(
        code="unknown",
        sentence=f"{what} failed in a way this console does not know.",
        why=f"AWS says: {': '.join(filter(None, (error.code, error.message)))}",
        remedy="Try again. If it stays, show AWS's words and the request id to your AWS administrator or AWS support.",
        fix="verify",
        ask=f"find out why {error.operation or 'this'} fails: this console does not know the error. The request id "
        "finds the call in CloudTrail, and AWS support can look it up.",
        evidence=error.evidence,
    )
