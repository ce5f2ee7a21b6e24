"""The environments page with few and with many rows: `python -m tests.bench.pages`, on a database of its own.

Run in a process of its own by `tests.bench`, with VAR_DIR in a temporary directory. Prints its figures itself.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models can be imported only once Django is set up
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from environments.installation import default_issuer  # noqa: E402
from environments.models import STATUS_RANK, Environment, Organization, Status  # noqa: E402
from tests.bench.figures import report  # noqa: E402

FEW, MANY = 1_000, 100_000
REPEATS = 21
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1")
STATUSES = (Status.NOT_CONNECTED, Status.CONNECTED, Status.NEEDS_ATTENTION, Status.DISCONNECTED)
OF_MANY_ORGANIZATIONS = 100


def make_environments(number: int) -> None:
    """Rows, up to `number`, spread over organizations, regions and statuses."""
    now = timezone.now()
    while Organization.objects.count() < OF_MANY_ORGANIZATIONS:
        position = Organization.objects.count()
        Organization.objects.create(
            name=f"Organization {position}", organization_id=f"{0xA0000 + position:024x}", issuer=default_issuer()
        )
    organizations = list(Organization.objects.values_list("pk", flat=True))
    Environment.objects.bulk_create(
        (
            Environment(
                organization_id=organizations[position % len(organizations)],
                environment_id=f"{0xE00000 + position:024x}",
                name=f"Environment {position}",
                endpoint_url=REGIONS[position % len(REGIONS)],
                status=STATUSES[position % 7 % len(STATUSES)],
                status_rank=STATUS_RANK[STATUSES[position % 7 % len(STATUSES)]],
                verified_at=now,
            )
            for position in range(Environment.objects.count(), number)
        ),
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def median_seconds(work: Callable[[], object]) -> float:
    """The median of some runs, after one that warms the caches."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("prepare", verbosity=0, stdout=io.StringIO())
    call_command("collectstatic", verbosity=0, interactive=False)
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("bench"))
    page = reverse("environments")

    def open_page(address: str = page) -> None:
        assert client.get(address).status_code == 200

    make_environments(FEW)
    few = median_seconds(open_page)
    make_environments(MANY)
    many = median_seconds(open_page)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        open_page()
    report(f"environments_page_of_{FEW}", few * 1000, unit="ms")
    report(f"environments_page_of_{MANY}", many * 1000, unit="ms")
    report("environments_page_many_against_few", many / few, 1.5)
    report("environments_page_queries", len(queries), 8)
    searches = {
        "one": f"{page}?q=Environment+{MANY - 7}",
        "none": f"{page}?q=no-such-thing",
        "all": f"{page}?q=environment",
    }
    for found, address in searches.items():
        report(f"environments_search_finding_{found}", median_seconds(lambda: open_page(address)) * 1000, unit="ms")  # noqa: B023


if __name__ == "__main__":
    main()
