"""The message to whoever has the rights that the console lacks. Pure."""

from dataclasses import dataclass, replace

from aws_setup.diagnosis import Problem
from aws_setup.names import dashed


@dataclass(frozen=True)
class Concerned:
    """What a message is about: the environment, and where in AWS."""

    environment_name: str
    subject: str
    account_id: str
    region: str
    role_arn: str


def with_message(problem: Problem, concerned: Concerned) -> Problem:
    """The same problem with the text to send to the AWS administrator; as it was where there is nothing to ask."""
    return replace(problem, message=_write(problem, concerned)) if problem.ask else problem


def _write(problem: Problem, concerned: Concerned) -> str:
    seen = [f"  {name}: {value}" for name, value in problem.evidence.items()]
    parts = [
        f"In AWS account {dashed(concerned.account_id)}, something keeps the Vertesia environment "
        f"“{concerned.environment_name}” from Amazon Bedrock.",
        f"What is wrong: {problem.sentence}" + (f"\n{problem.why}" if problem.why else ""),
        f"Please: {problem.ask}",
        f"As a command:\n{problem.command}" if problem.command else "",
        f"Role: {concerned.role_arn}\nRegion: {concerned.region}\nToken's subject: {concerned.subject}",
        "What AWS answered:\n" + "\n".join(seen) if seen else "",
        f"AWS's page on it: {problem.link}" if problem.link else "",
    ]
    return "\n\n".join(filter(None, parts))
