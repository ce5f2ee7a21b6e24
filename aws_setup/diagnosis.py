"""What is wrong, in one sentence, and what to do about it. Pure: from an error's facts to a Problem."""

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
