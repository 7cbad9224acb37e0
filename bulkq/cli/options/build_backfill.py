"""Build the `Run` of a backfill from the options of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkq.cli.options import build_run
from bulkq.cli.options.option import typed
from bulkq.errors import UsageError
from bulkq.lifecycle.backfill.validate_request import (
    check_parameters,
    complete_options,
    key_columns,
    range_statement,
    statement_of,
)
from bulkq.lifecycle.query_files import choose_queries
from bulkq.model import Run
from bulkq.model.run import (
    BackfillOptions,
    OutputOptions,
    QueryOptions,
    SafetyOptions,
    SourceOptions,
    TargetOptions,
)
from bulkq.text.message_parts import quoted

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


def build(options: BackfillValues, ctx: click.Context) -> Run:
    """Return the request of the command line. Reads a query file and no other input.

    Raises:
        UsageError: a value is missing, a file cannot be read, or options contradict each other.
    """
    targets = build_run.some_targets(options["target"], ctx)
    build_run.check_ledger(options["ledger"])
    written = _written(options, targets)
    backfill = _backfill(options, written)
    _refuse_lone_options(options, backfill, ctx)
    query = statement_of(backfill, written, build_run.dialect(targets[0].url))
    ranged = range_statement(backfill, query, build_run.dialect(targets[0].url))
    check_parameters(ranged, {name for name, _ in options["param"]})
    limits = build_run.limits_of(options, ctx)
    allow = frozenset(word for words in options["allow"] for word in words)
    request = Run(
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
    return build_run.completed(request, ctx)


def _written(options: BackfillValues, targets: Sequence[Target]) -> Query | None:
    """Return the query of the file, which must mean the same on all targets; None if no file is named.

    Raises:
        UsageError: the file has none, or several, or options that make a statement are given too.
    """
    file = options["apply"] or options["file"]
    if options["apply"] and options["file"]:
        raise UsageError(f"{options['file']} and --apply {file} are two queries: leave one out")
    given = {"--set": options["set"], "--delete": options["delete"], "--where": options["where"]}
    made = [name for name, value in given.items() if value]
    if file is None:
        return None
    if made:
        raise UsageError(f"{file} has the statement: leave out {made[0]}, or the file")
    dialects = list(dict.fromkeys(build_run.dialect(target.url) for target in targets))
    found = [choose_queries([file], (), one) for one in dialects]
    if any(len(queries) > 1 for queries in found):
        names = ", ".join(query.name for query in found[0])
        raise UsageError(f"{file} has {len(found[0])} queries ({names}): name one, {file}:{found[0][0].name}")
    if any(queries != found[0] for queries in found[1:]):
        raise UsageError(
            f"{file}: the SQL is read differently for {' and '.join(dialects)}: run the targets one by one"
        )
    return found[0][0]


def _refuse_lone_options(options: BackfillValues, backfill: BackfillOptions, ctx: click.Context) -> None:
    """Raise UsageError for an empty `--key`, and for options of `--capture` that are typed without it."""
    if options["key"] is not None and not backfill.key:
        raise UsageError(f"--key {quoted(options['key'])} names no column: name one, or leave out the option")
    lone = [name for name in ("capture_table", "capture_max") if typed(ctx, name)]
    if lone and not backfill.capture:
        raise UsageError(f"--{lone[0].replace('_', '-')} goes with --capture: add it, or leave out the option")


def _backfill(options: BackfillValues, query: Query | None) -> BackfillOptions:
    """Return what is changed: an option outranks the header of the query.

    Raises:
        UsageError: there is no table, or nothing to do with it.
    """
    if options["apply"] and not options["map"] and query is not None and "map" not in query.metadata:
        raise UsageError("--apply needs a function for the rows of --select: give --map MODULE:FUNCTION")
    wanted = BackfillOptions(
        over=options["over"] or "",
        key=key_columns(options["key"] or ""),
        assignments=options["set"],
        delete=options["delete"],
        where=options["where"],
        verify=options["verify"],
        select=options["select"],
        map=options["map"],
        map_timeout_s=options["map_timeout"],
        lock=not options["no_lock"],
        capture=options["capture"],
        capture_table=options["capture_table"],
        capture_max=options["capture_max"],
    )
    given = {field: dict(options).get(name) for name, field in RANGES.items()}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    return complete_options(replace(wanted, **changes), query)
