"""Many at once: a table to begin with, then one page on which all plans are looked at, approved and watched."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from aws_setup.access import batches_for, get_batch
from aws_setup.batches.batching import approve_batch, retry_rows
from aws_setup.batches.forms import RowForm, TableForm
from aws_setup.batches.intake import awaits_worker, mend_row, start_table
from aws_setup.batches.rows import BEYOND, COLUMNS, REQUIRED, read_row
from aws_setup.batches.standing import LIVE, BatchStanding, RowStanding, RowState, read_batch
from aws_setup.batches.table import EXAMPLE, MOST_ROWS, Table, parse_table
from aws_setup.batches.words import approve_label, lead_of, retry_label
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Batch, BatchRow, Draft, Run
from aws_setup.views.frame import actor_of, build_notes, explain_waiting, signed_in
from aws_setup.views.wizard import caller_context
from config.http import HtmxRequest

ROWS_SHOWN = 50
BATCHES_SHOWN = 20
MENDABLE = (
    RowState.INVALID,
    RowState.BLOCKED,
    RowState.FAILED,
    RowState.OUTDATED,
    RowState.GONE,
    RowState.EDITING,
    RowState.PLANNED,
)


@require_http_methods(["GET", "HEAD", "POST"])
def batches(request: HttpRequest) -> HttpResponse:
    """Connect many: a table, pasted or uploaded, and the tables of before."""
    is_posted = request.method == "POST"
    form = TableForm(request.POST, request.FILES) if is_posted else TableForm()
    table: Table | None = None
    if is_posted and form.is_valid():
        table = parse_table(form.cleaned_data["text"])
        if awaits_worker(table):
            table = Table(problem=_worker_unheard())
        elif any(row.wish is not None for row in table.rows):
            return _start(request, table, title=form.cleaned_data["title"])
        # What was uploaded stands in the text field from now on, so that it can be corrected here.
        form = TableForm(initial={"title": form.cleaned_data["title"], "table": form.cleaned_data["text"]})
    context = caller_context(timezone.now()) | {
        "form": form,
        "table": table,
        "table_problem": table.problem if table is not None else None,
        "required": REQUIRED,
        "columns": COLUMNS,
        "example": EXAMPLE,
        "most_rows": MOST_ROWS,
        "batches": _list_batches(request),
    }
    return render(request, "batches/batches.html", context, status=422 if is_posted else 200)


def _worker_unheard() -> Problem:
    return Problem(
        code="worker_unheard",
        sentence="The worker has not said yet which AWS account is its own, and rows leave the account to it.",
        why="It has been asked just now. Your table is kept below.",
        remedy="Send the table once more in a few seconds, or write account ids into it.",
    )


def _start(request: HttpRequest, table: Table, *, title: str) -> HttpResponse:
    number = len(table.rows)
    batch = start_table(
        table,
        owner=signed_in(request),
        actor=actor_of(request),
        title=title.strip() or f"Connect {number} environment{'' if number == 1 else 's'}",
        now=timezone.now(),
    )
    for note in table.notes:
        messages.info(request, note)
    return redirect("batch", pk=batch.pk)


def _list_batches(request: HttpRequest) -> QuerySet[Batch]:
    """Earlier batches, newest first, with how many rows they have and what came of those that ran."""
    succeeded = [Run.State.SUCCEEDED, Run.State.WAITING_FOR_VERTESIA]
    counted = batches_for(request.user).annotate(
        row_count=Count("rows", distinct=True),
        succeeded=Count("rows", filter=Q(rows__draft__plans__run__state__in=succeeded), distinct=True),
        failed=Count("rows", filter=Q(rows__draft__plans__run__state=Run.State.FAILED), distinct=True),
    )
    return counted[:BATCHES_SHOWN]


@require_safe
def batch_template(request: HttpRequest) -> HttpResponse:
    """A table to fill in: the columns and two rows as an example. With a byte order mark, so that Excel reads UTF-8."""
    return HttpResponse(
        "\ufeff" + EXAMPLE.replace("\n", "\r\n"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="environments.csv"'},
    )


@never_cache
@vary_on_headers("HX-Request")
@require_safe
def batch(request: HtmxRequest, pk: int) -> HttpResponse:
    """All rows with what became of them; while a worker is at it, the panel polls."""
    context = _batch_context(request, get_batch(request.user, pk))
    return render(request, "batches/_batch.html" if request.htmx else "batches/batch.html", context)


@dataclass(frozen=True)
class Tab:
    """A choice of rows by their state; `state` is empty for all of them."""

    state: str
    label: str
    count: int
    url: str


@dataclass(frozen=True)
class Pages:
    """As components/pagination.html takes it."""

    first: int
    last: int
    total: str
    previous_url: str
    next_url: str


def _batch_context(request: HttpRequest, found: Batch) -> dict[str, Any]:
    now = timezone.now()
    standing = read_batch(found, now=now)
    show = request.GET.get("show", "")
    chosen = [row for row in standing.rows if row.state == show] if show in RowState.values else list(standing.rows)
    if not chosen:
        show, chosen = "", list(standing.rows)
    paginator = Paginator(chosen, ROWS_SHOWN)
    page = paginator.get_page(request.GET.get("page"))
    live = [row for row in standing.rows if row.state in LIVE]
    return {
        "batch": found,
        "standing": standing,
        "lead": lead_of(found.purpose),
        "show": show,
        "tabs": _build_tabs(found, standing),
        "lines": [_Line(row, is_mendable=_is_mendable(found, row)) for row in page.object_list],
        "pages": Pages(
            first=page.start_index(),
            last=page.end_index(),
            total=str(paginator.count),
            previous_url=_url(found, show, page.number - 1) if page.has_previous() else "",
            next_url=_url(found, show, page.number + 1) if page.has_next() else "",
        ),
        "has_pages": paginator.num_pages > 1,
        "here": _url(found, show, page.number),
        "doing": _say_progress(standing),
        "done": len(standing.rows) - len(live),
        "total": len(standing.rows),
        "since": min((moment for row in live if (moment := _began(row))), default=None),
        "worker_problem": _explain_waiting(live, now=now),
        "approve_label": approve_label(standing) if standing.digest else "",
        "is_removal": found.purpose == Draft.Purpose.DISCONNECT,
        "retry_label": retry_label(standing) if standing.retryable else "",
    }


@dataclass(frozen=True)
class _Line:
    """One row as the page draws it."""

    standing: RowStanding
    is_mendable: bool

    @property
    def notes(self) -> list[str]:
        """What is unusual about a plan that somebody is about to approve."""
        draft = self.standing.draft
        return build_notes(draft) if draft is not None and self.standing.plan is not None else []


def _is_mendable(found: Batch, row: RowStanding) -> bool:
    """Whether its cells can be corrected: rows of a table, while nothing is done for them."""
    return found.purpose == Draft.Purpose.CONNECT and found.migration_id is None and row.state in MENDABLE


def _url(found: Batch, show: str, page: int) -> str:
    query = {name: value for name, value in (("show", show), ("page", page if page > 1 else "")) if value}
    return reverse("batch", args=[found.pk]) + (f"?{urlencode(query)}" if query else "")


def _build_tabs(found: Batch, standing: BatchStanding) -> list[Tab]:
    by_state = [
        Tab(state.value, str(state.label), count, _url(found, state.value, 1))
        for state, count in standing.counts.items()
    ]
    return [Tab("", "All", len(standing.rows), _url(found, "", 1)), *by_state] if len(by_state) > 1 else []


def _say_progress(standing: BatchStanding) -> str:
    counts = standing.counts
    parts = [
        f"{number} {words}"
        for state, words in ((RowState.PLANNING, "being planned"), (RowState.RUNNING, "being carried out"))
        if (number := counts.get(state, 0))
    ]
    return f"Rows: {', '.join(parts)}" if parts else ""


def _began(row: RowStanding) -> datetime | None:
    """Since when a worker is asked for this row's plan or run."""
    if row.run is not None:
        return row.run.created_at
    return row.draft.planning_requested_at if row.draft is not None else None


def _explain_waiting(live: list[RowStanding], *, now: datetime) -> str | None:
    """A sentence where no worker answers: rows wait, and none of them has been taken up."""
    waiting = [_began(row) for row in live if row.run is None or row.run.started_at is None]
    return explain_waiting(min(filter(None, waiting), default=None), now=now)


@require_POST
def batch_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve exactly the plans that were shown, by their digest; a refused row holds up no other."""
    found = get_batch(request.user, pk)
    try:
        approval = approve_batch(
            found, digest=request.POST.get("digest", ""), actor=actor_of(request), now=timezone.now()
        )
    except Blocked as refusal:
        messages.warning(request, refusal.problem.in_words)
    else:
        for row, problem in approval.refused[:3]:
            messages.warning(request, f"Row {row.position} was not approved. {problem.in_words}")
        if len(approval.refused) > 3:
            messages.warning(request, f"{len(approval.refused) - 3} more rows were not approved; each says why.")
    return redirect("batch", pk=found.pk)


@require_POST
def batch_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan the rows anew that failed or could not be planned, with the same answers; nothing is written by that."""
    found = get_batch(request.user, pk)
    if not retry_rows(found, actor=actor_of(request), now=timezone.now()):
        messages.info(request, "No row is left that could be planned again.")
    return redirect("batch", pk=found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def batch_row(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    """Correct one row, cell by cell; the others are not touched."""
    found = get_batch(request.user, pk)
    row = get_object_or_404(BatchRow.objects.select_related("batch__owner", "draft"), batch=found, position=position)
    standing = next((one for one in read_batch(found, now=timezone.now()).rows if one.position == position), None)
    if standing is None or found.purpose != Draft.Purpose.CONNECT or found.migration_id is not None:
        raise Http404
    if not _is_mendable(found, standing):
        messages.info(request, f"Row {position} is under way or done; nothing of it is corrected here any more.")
        return redirect("batch", pk=found.pk)
    form = RowForm(request.POST if request.method == "POST" else row.typed)
    problem = standing.problem
    if request.method == "POST" and form.is_valid():
        typed = {name: value for name, value in row.typed.items() if name not in COLUMNS} | form.typed
        typed.pop(BEYOND, None)
        outcome = mend_row(row, read_row(typed, position=position), actor=actor_of(request), now=timezone.now())
        if isinstance(outcome, Draft):
            return redirect("batch", pk=found.pk)
        problem = outcome
    if problem is not None and form.show_faults(problem):
        problem = None
    context = {"batch": found, "row": row, "form": form, "problem": problem}
    return render(request, "batches/row.html", context, status=422 if request.method == "POST" else 200)
