"""The rows by what they need of the console; see settings.GROUP_SETTINGS."""

from tests.chaos.broker import broker
from tests.chaos.crowds import crowds
from tests.chaos.failures import failures
from tests.chaos.kills import kills
from tests.chaos.lateness import lateness, slowest
from tests.chaos.ownership import ownership
from tests.chaos.rows import Row

GROUPS: dict[str, list[Row]] = {
    "kills": [*kills.rows, *slowest.rows],
    "broker": broker.rows,
    "all else": [*failures.rows, *lateness.rows, *crowds.rows, *ownership.rows],
}
