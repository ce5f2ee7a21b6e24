"""How AWS last compared with what was agreed, as pages show it."""

from dataclasses import dataclass, field

from aws_setup.drift.differences import Difference
from aws_setup.models import Connection, Observation


@dataclass(frozen=True)
class Comparison:
    """`last` compared something, `failed` is a later one that could not, `under_way` the one a worker is at.

    `is_overtaken`: something else was agreed since the last one, so it says nothing about what is agreed now.
    """

    last: Observation | None = None
    failed: Observation | None = None
    under_way: Observation | None = None
    is_overtaken: bool = False
    differences: list[Difference] = field(default_factory=list)

    @property
    def can_repair(self) -> bool:
        return any(difference.can_repair for difference in self.differences)

    @property
    def acceptable(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.can_accept]

    @property
    def left_alone(self) -> list[Difference]:
        """What no plan of this console's puts back."""
        return [difference for difference in self.differences if not difference.can_repair]


def read_comparison(connection: Connection) -> Comparison:
    """The comparisons that matter now, in one query."""
    # Few are kept; see observing.KEPT.
    observations = list(connection.observations.all()[:10])
    compared = (Observation.State.SAME, Observation.State.DIFFERENT)
    last = next((one for one in observations if one.state in compared), None)
    newest = next((one for one in observations if one.is_finished), None)
    is_overtaken = (
        last is not None
        and last.finished_at is not None
        and connection.agreed_at is not None
        and last.finished_at < connection.agreed_at
    )
    return Comparison(
        last=last,
        failed=newest if newest is not None and newest.state == Observation.State.FAILED else None,
        under_way=next((one for one in observations if not one.is_finished), None),
        is_overtaken=is_overtaken,
        differences=[Difference.from_json(one) for one in last.differences] if last and not is_overtaken else [],
    )
