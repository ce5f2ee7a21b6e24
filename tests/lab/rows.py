"""Rows of the lab: a failure, where and why the console is to find it, and who mends it by what the console says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Run, Verification
from environments.models import Environment
from tests.lab.bench import Bench, first_red
from tests.lab.command_line import run_command
from tests.live_account import ACCOUNTS, require_state


@dataclass
class Outcome:
    """What came of a row, as far as it came."""

    rung: str = ""
    cause: str = ""
    remedy: str = ""
    mended_by: str = ""
    is_green: bool = False

    def note(self, rung: str, problem: Problem) -> None:
        """Keep what was found. A remedy is a sentence together with a button that does it, a command, or a message."""
        self.rung, self.cause = rung, problem.code
        self.remedy = problem.remedy if problem.fix == "plan" or problem.command or problem.message else ""


Do = Callable[[Bench], Any]
Play = Callable[[Bench, Outcome], None]


@dataclass(frozen=True)
class Row:
    """`number` is the catalogue's. `is_alone`: it concerns the whole installation, so nothing else runs meanwhile."""

    number: str
    name: str
    rung: str
    cause: str
    play: Play
    account_id: str
    is_sample: bool = False
    is_alone: bool = False

    def is_meant_by(self, words: str) -> bool:
        return words == self.number or words.lower() in self.name.lower()


@dataclass(frozen=True)
class Mended:
    """Who mends it: the plan that the button asks for where `act` is None; otherwise somebody, who does `act`."""

    who: str = "the plan"
    act: Do | None = None


BY_PLAN = Mended()


def by_administrator(act: Do) -> Mended:
    return Mended("an administrator", act)


def by_organization(act: Do) -> Mended:
    return Mended("the organization", act)


class Matrix:
    """The rows of one kind, in order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(
        self, number: str, name: str, play: Play, *, rung: str, cause: str, account_id: str = "", **more: bool
    ) -> None:
        """Rows that name no account take turns."""
        account_id = account_id or ACCOUNTS[len(self.rows) % len(ACCOUNTS)]
        self.rows.append(Row(number, name, rung, cause, play, account_id, **more))

    def broken(
        self,
        number: str,
        name: str,
        inject: Do,
        *,
        rung: str,
        cause: str,
        mended: Mended = BY_PLAN,
        wanted: dict[str, Any] | None = None,
        by_command: bool = False,
        **more: Any,
    ) -> None:
        """What was connected breaks; a verification that looks for what is `wanted` finds it.

        `by_command`: the command that is offered mends it as well, which is a row of its own.
        """

        def play(bench: Bench, outcome: Outcome) -> None:
            inject(bench)
            find_and_mend(bench, outcome, mended=mended, wanted=wanted)

        self.add(number, name, play, rung=rung, cause=cause, **more)
        if by_command:
            self._mended_by_command(number, name, inject, rung=rung, cause=cause, wanted=wanted or {})

    def _mended_by_command(
        self, number: str, name: str, inject: Do, *, rung: str, cause: str, wanted: dict[str, Any]
    ) -> None:
        def play(bench: Bench, outcome: Outcome) -> None:
            inject(bench)
            bench.forget_own_write()
            proof = bench.verify(**wanted)
            problem = bench.open_problem()
            outcome.note(first_red(proof), problem)
            run_command(bench, problem.command)
            proof = bench.verify(**wanted)
            assert proof.state == Verification.State.PROVEN, f"the proof is {proof.state}: {proof.problem}"
            outcome.mended_by = "the command"
            bench.require_green()
            # The smallest change lets the token in; what was agreed may be more, and the next row starts from that.
            bench.repair()

        self.add(number, f"{name}, by hand", play, rung=rung, cause=cause)

    def unmade(self, number: str, name: str, inject: Do, *, rung: str, cause: str, mended: Mended, **more: Any) -> None:
        """It is met while something is connected for the first time: the rung is `plan`, or `run` with its step."""

        def play(bench: Bench, outcome: Outcome) -> None:
            environment = bench.environment()
            inject(bench)
            outcome.note(*meet_while_connecting(bench, environment))
            assert mended.act is not None
            mended.act(bench)
            outcome.mended_by = f"{mended.who}, then a new plan"
            require_state(bench.connect(environment), Run.State.SUCCEEDED)
            bench.subject = environment
            bench.require_green()

        self.add(number, name, play, rung=rung, cause=cause, **more)


def find_and_mend(
    bench: Bench, outcome: Outcome, *, mended: Mended = BY_PLAN, wanted: dict[str, Any] | None = None
) -> None:
    """Verify what is broken already, do what the problem's button or its message asks for, and see it green."""
    bench.forget_own_write()
    proof = bench.verify(**(wanted or {}))
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    mend(bench, outcome, problem, mended=mended, wanted=wanted)
    bench.require_green()


def mend(
    bench: Bench, outcome: Outcome, problem: Problem, *, mended: Mended, wanted: dict[str, Any] | None = None
) -> None:
    """By the button that stands beside the problem: a plan, or after somebody's part another proof."""
    if mended.act is None:
        assert problem.fix == "plan", f"the button does {problem.fix or 'nothing'}, not plan"
        bench.repair()
    else:
        assert problem.fix == "verify", f"the button does {problem.fix or 'nothing'}, not verify"
        if mended.who == "the organization":
            assert problem.ask in problem.message, "there is no message to send to the organization's administrators"
        mended.act(bench)
        proof = bench.verify(**(wanted or {}))
        assert proof.state == Verification.State.PROVEN, f"the proof is {proof.state}: {proof.problem}"
    outcome.mended_by = mended.who


def meet_while_connecting(bench: Bench, environment: Environment) -> tuple[str, Problem]:
    """Where and why connecting it for the first time fails."""
    try:
        run = bench.connect(environment)
    except Blocked as refusal:
        return "plan", refusal.problem
    require_state(run, Run.State.FAILED)
    return "run", bench.open_problem(environment)
