"""Finding one environment among many thousands: search, filters and order, as they stand in the URL."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import urlencode

from django.db import connection as database
from django.db.models import Q

from aws_setup.models import Account
from environments.access import Person, may_administer, organizations_for
from environments.models import Environment, EnvironmentQuerySet, Organization, Status

PAGE_SIZE = 50
COUNT_CAP = 10_000
"""Beyond this a list says "more than 10,000": counting on would cost more than the page itself."""
ORGANIZATIONS_SHOWN = 200
SORTS = {
    "status": ("status_rank", "name", "id"),
    "name": ("name", "id"),
    "-name": ("-name", "-id"),
    "region": ("endpoint_url", "status_rank", "name", "id"),
    "-region": ("-endpoint_url", "-status_rank", "-name", "-id"),
    "verified": ("verified_at", "id"),
    "-verified": ("-verified_at", "-id"),
}


FILTERS = ("search", "organization", "status", "region", "account")


@dataclass(frozen=True)
class ListQuery:
    """What a person asks the list for. Rubbish in a URL is left out, never an error."""

    search: str = ""
    organization: str = ""
    status: str = ""
    region: str = ""
    account: str = ""
    sort: str = "status"
    page: int = 1

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Self:
        page, organization = parameters.get("page", ""), parameters.get("organization", "")
        status, sort = parameters.get("status", ""), parameters.get("sort", "")
        return cls(
            search=parameters.get("q", "").replace("\x00", "").strip()[:100],
            organization=organization if organization.isdecimal() and len(organization) < 19 else "",
            status=status if status in Status.values else "",
            region=parameters.get("region", "").replace("\x00", "").strip()[:30],
            account=parameters.get("account", "") if parameters.get("account", "").isdecimal() else "",
            sort=sort if sort in SORTS else "status",
            page=max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
        )

    def to_url(self) -> str:
        """The query string that `from_url` reads back, `?` included; what is default is left out."""
        values = {
            "q": self.search,
            "organization": self.organization,
            "status": self.status,
            "region": self.region,
            "account": self.account,
            "sort": self.sort if self.sort != "status" else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.organization or self.status or self.region or self.account)

    def without(self, name: str) -> "ListQuery":
        """The same list from its first page without the filter `name`."""
        values = {one: getattr(self, one) for one in FILTERS if one != name}
        return ListQuery(**values, sort=self.sort)

    def sorted_by(self, column: str) -> "ListQuery":
        """The same list from its first page by `column`; by its reverse where it stands so already."""
        wanted = f"-{column}" if self.sort == column and column != "status" else column
        return replace(self, sort=wanted, page=1)

    def select(self, environments: EnvironmentQuerySet, *, now: datetime) -> EnvironmentQuerySet:
        """Those of `environments` that are asked for, in the order asked for."""
        if self.organization:
            environments = environments.filter(organization_id=int(self.organization))
        if self.status:
            environments = environments.having_status(self.status, now=now)
        if self.region:
            environments = environments.filter(endpoint_url=self.region)
        if self.account:
            environments = environments.filter(connection__account__account_id=self.account)
        for word in self.search.split()[:5]:
            organizations = Organization.objects.filter(Q(name__icontains=word) | Q(organization_id=word))
            environments = environments.filter(
                Q(name__icontains=word)
                | Q(environment_id__icontains=word)
                | Q(endpoint_url__icontains=word)
                | Q(api_key__icontains=word)
                | Q(organization__in=organizations)
            )
        return environments.order_by(*SORTS[self.sort])


@dataclass(frozen=True)
class EnvironmentPage:
    """One page of the list. `first` and `last` are row numbers, `total` is a text that may say "more than"."""

    rows: list[Environment]
    first: int
    last: int
    total: str
    previous_url: str
    next_url: str


def read_page(query: ListQuery, environments: EnvironmentQuerySet, *, now: datetime) -> EnvironmentPage:
    """The page asked for, in two queries, with organization and account beside each environment."""
    selected = query.select(environments, now=now)
    offset = (query.page - 1) * PAGE_SIZE
    with_neighbours = Environment.objects.select_related("organization", "connection__account")
    if query.search:
        # One scan answers both how many there are and which stand on this page.
        keys = list(selected.values_list("pk", flat=True)[: max(COUNT_CAP, offset + PAGE_SIZE) + 1])
        number = len(keys)
        shown = keys[offset : offset + PAGE_SIZE]
        by_key = with_neighbours.in_bulk(shown)
        rows = [by_key[key] for key in shown if key in by_key]
        has_next = number > offset + PAGE_SIZE
    else:
        number = selected.order_by()[: COUNT_CAP + 1].count()
        rows = list(selected.select_related("organization", "connection__account")[offset : offset + PAGE_SIZE + 1])
        has_next = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
    return EnvironmentPage(
        rows=rows,
        first=offset + 1 if rows else 0,
        last=offset + len(rows),
        total=f"more than {COUNT_CAP:,}" if number > COUNT_CAP else f"{number:,}",
        previous_url=replace(query, page=query.page - 1).to_url() if query.page > 1 else "",
        next_url=replace(query, page=query.page + 1).to_url() if has_next else "",
    )


@dataclass(frozen=True)
class Chip:
    """A filter in force, with the address of the list without it."""

    label: str
    url: str


@dataclass(frozen=True)
class Options:
    """What can be chosen in the filters."""

    organizations: list[Organization]
    statuses: list[tuple[str, str]]
    regions: list[str]
    accounts: list[Account]


def read_options(query: ListQuery, person: Person) -> Options:
    """The choices of each filter for this person, in three queries; a chosen region is always among them."""
    sees_all = may_administer(person)
    return Options(
        organizations=list(organizations_for(person)[:ORGANIZATIONS_SHOWN]),
        statuses=[(str(value), str(label)) for value, label in Status.choices],
        regions=sorted({*(list_regions() if sees_all else ()), *([query.region] if query.region else ())}),
        accounts=list(Account.objects.all()) if sees_all else [],
    )


def list_regions() -> list[str]:
    """Every region that an environment has, by jumping through the index from one to the next.

    A plain SELECT DISTINCT reads all rows, on SQLite and PostgreSQL alike
    (https://wiki.postgresql.org/wiki/Loose_indexscan).
    """
    table = Environment._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE known(region) AS (SELECT MIN(endpoint_url) FROM {table} UNION ALL "  # noqa: S608 - no input in it
            f"SELECT (SELECT MIN(endpoint_url) FROM {table} WHERE endpoint_url > known.region) FROM known "
            "WHERE known.region IS NOT NULL) SELECT region FROM known WHERE region IS NOT NULL AND region <> ''"
        )
        return [str(region) for (region,) in cursor.fetchall()]


def build_chips(query: ListQuery, options: Options) -> list[Chip]:
    """One removable chip for each filter in force."""
    organizations = {str(one.pk): one.name for one in options.organizations}
    accounts = {one.account_id: str(one) for one in options.accounts}
    chips = [
        ("search", f"“{query.search}”"),
        ("organization", organizations.get(query.organization, f"Organization {query.organization}")),
        ("status", str(Status(query.status).label) if query.status else ""),
        ("region", query.region),
        ("account", accounts.get(query.account, query.account)),
    ]
    return [Chip(label, query.without(name).to_url()) for name, label in chips if getattr(query, name)]
