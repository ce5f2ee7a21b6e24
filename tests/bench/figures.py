"""A figure, its goal, and the line that says both."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def report(name: str, value: float, goal: float | None = None, *, unit: str = "") -> bool:
    """Print `bench NAME VALUE GOAL ok|short`; less is better. Without a goal the figure is for information: `-`."""
    is_met = goal is None or value <= goal
    shown_goal = "-" if goal is None else f"{format_number(goal)}{unit}"
    print(f"bench {name} {format_number(value)}{unit} {shown_goal} {'ok' if is_met else 'short'}", flush=True)  # noqa: T201
    return is_met


def format_number(value: float) -> str:
    """Whole numbers as they are, others with what can be read of them."""
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` per cent of `values` do not pass."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
