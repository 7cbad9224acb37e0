"""Build the `Run` of a backfill from the options of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkq.cli.options import build_run
from bulkq.errors import UsageError
from bulkq.lifecycle.query_files import chosen
from bulkq.model import Run
from bulkq.model.run import (
    BackfillOptions,
    OutputOptions,
    QueryOptions,
    SafetyOptions,
    SourceOptions,
    TargetOptions,
)
from bulkq.query.backfill_statement import assigned_columns, build_delete, build_set
from bulkq.query.range_placeholder import find_range, free_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from bulkq.cli.options.backfill_options import BackfillValues
    from bulkq.model import Query, Target

RANGES = {
    "target_time": "target_time_s",
    "min_rows": "min_rows",
    "max_rows": "max_rows",
    "upper": "upper",
    "count": "count",
}
"""Options of ranges, with the field of `BackfillOptions` that each gives."""

GESTURES = "--set COLUMN=EXPR, --delete, or FILE:NAME with a statement that has :range"


def build(options: BackfillValues, ctx: click.Context) -> Run:
    """Return the request of the command line. Reads a query file and no other input.

    Raises:
        UsageError: a value is missing, a file cannot be read, or options contradict each other.
    """
    targets = build_run.some_targets(options["target"], ctx)
    build_run.check_ledger(options["ledger"])
    written = _written(options, targets)
    backfill = _backfill(options, written)
    query = written or _generated(backfill, build_run.dialect(targets[0].url))
    _check_parameters(query, options)
    limits = build_run.limits_of(options, ctx)
    allow = frozenset(word for words in options["allow"] for word in words)
    return Run(
        queries=QueryOptions(selected=(query,), name=options["name"], tags=options["tag"]),
        sources=SourceOptions(constants=build_run.constants(options["param"])),
        targets=TargetOptions(selected=targets, canaries=build_run.canaries(options["order"])),
        limits=replace(limits, max_failed_targets=options["max_failed_targets"]),
        safety=SafetyOptions(
            write=True,
            allow=allow,
            confirmed=options["confirm"],
            ledger=options["ledger"],
            marker_table=options["marker_table"],
            keep_markers=options["keep_markers"],
            max_affected=options["max_affected"],
        ),
        output=OutputOptions(format="none", failures=options["failures"]),
        backfill=backfill,
    )


def _written(options: BackfillValues, targets: Sequence[Target]) -> Query | None:
    """Return the query of the file, which must mean the same on all targets; None if no file is named.

    Raises:
        UsageError: the file has none, or several, or options that make a statement are given too.
    """
    file = options["file"]
    given = {"--set": options["set"], "--delete": options["delete"], "--where": options["where"]}
    made = [name for name, value in given.items() if value]
    if file is None:
        return None
    if made:
        raise UsageError(f"{file} has the statement: leave out {made[0]}, or the file")
    dialects = list(dict.fromkeys(build_run.dialect(target.url) for target in targets))
    found = [chosen([file], (), one) for one in dialects]
    if any(len(queries) > 1 for queries in found):
        names = ", ".join(query.name for query in found[0])
        raise UsageError(f"{file} has {len(found[0])} queries ({names}): name one, {file}:{found[0][0].name}")
    if any(queries != found[0] for queries in found[1:]):
        raise UsageError(
            f"{file}: the SQL is read differently for {' and '.join(dialects)}: run the targets one by one"
        )
    query = found[0][0]
    find_range(query, dialects[0])
    return query


def _backfill(options: BackfillValues, query: Query | None) -> BackfillOptions:
    """Return what is changed: an option outranks the header of the query.

    Raises:
        UsageError: there is no table, or nothing to do with it.
    """
    headers = query.metadata if query is not None else {}
    over = options["over"] or "".join(headers.get("over", ())[:1])
    if not over:
        advice = "add @over TABLE to the query, or give --over TABLE" if query is not None else "give --over TABLE"
        raise UsageError(f"no table: {advice}")
    if query is None and options["delete"] is bool(options["set"]):
        wrong = "--delete and --set" if options["delete"] else f"nothing to do with {over}"
        raise UsageError(f"{wrong}: give {GESTURES}")
    if options["delete"] and options["where"] is None:
        raise UsageError(
            "--delete without --where deletes every row: write --where true if that is meant, or use TRUNCATE"
        )
    key = options["key"] or "".join(headers.get("key", ())[:1])
    wanted = BackfillOptions(
        over=over,
        key=tuple(name.strip() for name in key.split(",") if name.strip()),
        assignments=options["set"],
        delete=options["delete"],
        where=options["where"] or "".join(headers.get("where", ())[:1]) or None,
        verify=options["verify"] or " ".join(headers.get("verify", ())) or None,
    )
    given = {field: dict(options).get(name) for name, field in RANGES.items()}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    found = replace(wanted, **changes)
    if found.min_rows > found.max_rows:
        raise UsageError(f"--min-rows {found.min_rows} is more than --max-rows {found.max_rows}")
    return found


def _generated(options: BackfillOptions, dialect: str) -> Query:
    """Return the statement of `--set` or `--delete`, with the table as typed; the name of the catalog follows later.

    Raises:
        UsageError: a text is no assignment, or no condition.
    """
    if options.delete:
        return build_delete(options.over, options.where, dialect)
    assigned_columns(options.assignments, dialect)
    return build_set(options.over, options.assignments, options.where, dialect)


def _check_parameters(query: Query, options: BackfillValues) -> None:
    """Raise UsageError if a parameter beside the range has no value."""
    given = {name for name, _ in options["param"]}
    missing = [name for name in free_parameters(query) if name not in given]
    if missing:
        raise UsageError(f'{query.place}: ":{missing[0]}" has no value: give it with --param {missing[0]}=VALUE')
    unused = sorted(given - set(free_parameters(query)))
    if unused:
        raise UsageError(f'--param {unused[0]}: {query.place} has no ":{unused[0]}"')
