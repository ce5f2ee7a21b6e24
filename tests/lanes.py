"""Which tests wait for one another when several processes run them.

By path and not by `xdist_group`: of an item, pytest-xdist's scheduler knows the node id only, and the suffix in which
`--dist loadgroup` passes the group is lost since pytest 9.2, see https://github.com/pytest-dev/pytest-xdist/issues/1386
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

JOURNEYS = "tests/journeys/"
"""They share one console and mostly wait: for pages, for AWS to have heard of something."""

WITH_CONSOLES = ("tests/config/test_health.py", "tests/test_run.py", "tests/test_scaled_out.py")
"""They start whole consoles, one after another: many at a time fit no machine."""

WITH_PROCESSES = ("tests/sandbox/", "tests/environments/vertesia/test_official_types.py")
"""Each module starts processes for all its tests, which is done once where one worker runs the whole module."""


def find_lane(node_id: str) -> str:
    """Tests of one lane run one after another in one process."""
    path = node_id.partition("::")[0]
    if path.startswith(JOURNEYS):
        return "journeys"
    if path in WITH_CONSOLES:
        return "consoles"
    if path.startswith(WITH_PROCESSES) or path.endswith("_in_browser.py"):
        return path
    return node_id


def how_long(node_id: str) -> int:
    """0 for what must begin first so that nobody waits for it at the end, 2 for what is over at once."""
    lane = find_lane(node_id)
    return 0 if lane in ("journeys", "consoles") else 1 if lane != node_id else 2


class Lanes(LoadScopeScheduling):
    """Gives each process one lane after another, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return find_lane(nodeid)
