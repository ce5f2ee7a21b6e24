"""Rows of the matrix: what happens, where, and whether it belongs to the sample that continuous integration runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.live_account import ACCOUNTS

if TYPE_CHECKING:
    from tests.chaos.lab import Lab

LANES = ACCOUNTS
"""Rows of one account run one after another; the accounts run beside each other."""

Play = Callable[["Lab"], None]


@dataclass(frozen=True)
class Row:
    """`play` raises AssertionError where it went wrong."""

    name: str
    account_id: str
    play: Play
    is_sample: bool = False


class Matrix:
    """The rows of one kind, in order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, name: str, play: Play, *, account_id: str, is_sample: bool = False) -> None:
        self.rows.append(Row(name, account_id, play, is_sample=is_sample))

    def row(self, name: str, *, account_id: str, is_sample: bool = False) -> Callable[[Play], Play]:
        """Make a function a row."""

        def add(play: Play) -> Play:
            self.add(name, play, account_id=account_id, is_sample=is_sample)
            return play

        return add
