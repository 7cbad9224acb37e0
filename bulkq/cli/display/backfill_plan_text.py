"""The plan of a backfill as lines: its limits and verification, and for each table its key, ranges, statement and locks."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from bulkq.cli.display import shared_plan_lines as text
from bulkq.drivers import dialect_of
from bulkq.policy import safety
from bulkq.policy.range_size import RangeSize
from bulkq.query.backfill_statement import tells_what_is_left
from bulkq.text.durations import exact_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.lifecycle.backfill.table_backfill_state import ExplainedRange
    from bulkq.model import Run
    from bulkq.model.run import BackfillOptions
    from bulkq.tasks.plan.plan_backfill import BackfillPlan, TablePlan


def plan_lines(made: BackfillPlan, request: Run) -> Iterable[str]:
    """Yield the lines of a plan: what holds for the run, then each table."""
    yield from _head(made)
    for table in made.tables:
        yield from _table(table, request)


def _head(made: BackfillPlan) -> Iterable[str]:
    request = made.run
    mode = safety.mode_of_run(request)
    rows = [
        ("mode", f"{mode}: {safety.sentence(mode)}"),
        ("tables", text.markers_text(request, ranges=True) if mode == safety.WRITE else ""),
        ("ledger", text.ledger_text(request.safety.ledger, "the run is not recorded")),
        ("limits", _limits(request)),
        ("throttles", _throttles(made)),
        ("verification", _verification(request)),
        ("failures", request.output.failures or ""),
    ]
    yield from (text.row(name, value) for name, value in rows if value)
    yield from (text.row("also", f"{label}: {error}") for label, error in made.lost)


def _limits(request: Run) -> str:
    limits = request.limits
    parts = [
        f"-j {limits.concurrency or 'auto'}",
        f"timeout {exact_duration(limits.timeout_s)}",
        f"lock timeout {exact_duration(limits.lock_timeout_s)}",
        f"retries {limits.retries}",
        f"outage {exact_duration(limits.outage_s)}",
        f"deadline {exact_duration(limits.deadline_s)}",
        *([f"at most {request.safety.max_affected} rows in all"] if request.safety.max_affected is not None else []),
    ]
    return ", ".join([*parts, *text.limits_of_stopping(request)])


def _throttles(made: BackfillPlan) -> str:
    if not made.run.throttles:
        return ""
    now = f"would wait now: {made.waits}" if made.waits else "would not wait now"
    load = "" if made.load is None or made.waits else f", at {made.load:.0%} of the limit"
    return f"{', '.join(made.run.throttles)}: {now}{load}"


def _options(request: Run) -> BackfillOptions:
    assert request.backfill is not None, "the request of a backfill has its options"
    return request.backfill


def _verification(request: Run) -> str:
    options = _options(request)
    if options.verify is not None:
        return f"must give 0 or no row: {' '.join(options.verify.split())}"
    if options.where is None:
        return "none: without --verify or --where, nothing says which rows would be left"
    if options.assignments and not tells_what_is_left(options.where, options.assignments, dialect_of(request.url)):
        return "none: --where names no column that --set changes, so give --verify QUERY"
    upto = "" if options.upper == "open" else " up to the last row at the start"
    return f"no row{upto} may still match --where {' '.join(options.where.split())}"


def _table(made: TablePlan, request: Run) -> Iterable[str]:
    facts = made.facts
    columns = ", ".join(f"{column.name} {column.type}" for column in facts.key.columns)
    identity = [("database", made.identity)] if made.identity and made.identity != made.target else []
    rows = [
        ("target", made.target),
        ("server", text.server_text(made.server, made.driver)),
        *identity,
        ("table", f"{facts.key.table}{_size(made)}"),
        ("key", f"({columns}){f', index {facts.key.index}' if facts.key.index else ''}"),
        ("ranges", _ranges(made, _options(request))),
        *(("statement" if not at else "", line) for at, line in enumerate(made.statement.strip().splitlines())),
        *_through(request),
        *(("" if at else "apply", line) for at, line in enumerate(made.apply.strip().splitlines())),
        ("locks", made.locks),
        *(("notice", notice) for notice in facts.notices),
    ]
    yield from (text.row(name, value) for name, value in rows if value)
    for one in made.explained:
        yield from _explained(one)
    if not made.explained and not made.empty:
        yield text.row("plan", "the database does not explain this statement")


def _through(request: Run) -> Iterable[tuple[str, str]]:
    """Yield what happens to the rows beside the statement: a function over them, and images of them."""
    options = _options(request)
    if options.map is not None:
        yield "map", options.map
    if options.capture:
        table = options.capture_table or "bulkq_images"
        yield "capture", f"what each row was and becomes, in {table}, which is made at the start"


def _size(made: TablePlan) -> str:
    if made.empty:
        return ", no rows: nothing to do"
    rows = "an unknown number of rows" if made.facts.rows is None else f"about {made.facts.rows:,} rows"
    size = f", {made.facts.size / 1_000_000:,.1f} MB with indexes" if made.facts.size else ""
    return f", {rows}{size}"


def _ranges(made: TablePlan, options: BackfillOptions) -> str:
    """Return how rows become ranges. How many ranges there are depends on how long rows take, so bounds are given."""
    first = RangeSize(options.target_time_s, options.min_rows, options.max_rows, options.first_rows).rows
    upper = "and those that are inserted meanwhile" if options.upper == "open" else "up to the last row at the start"
    how = f"the first of {first:,} rows, then as many as take {exact_duration(options.target_time_s)}, "
    how += f"{options.min_rows:,} to {options.max_rows:,} rows, {upper}"
    if not made.facts.rows:
        return how
    least, most = ceil(made.facts.rows / options.max_rows), ceil(made.facts.rows / options.min_rows)
    return f"{least:,} to {most:,}, about {ceil(made.facts.rows / first):,} of the first size; {how}"


def _explained(one: ExplainedRange) -> Iterable[str]:
    after, upto = (", ".join(position) for position in (one.range.after, one.range.upto))
    yield text.row("plan", f"{one.name} range: {f'behind ({after}), ' if after else ''}up to ({upto})")
    for node in one.nodes:
        indent = "  " * node.depth
        estimate = f"  ({node.estimate})" if node.estimate else ""
        yield text.row("", f"{indent}{node.text}{estimate}")
        yield from (text.row("", f"{indent}    {detail}") for detail in node.details)
