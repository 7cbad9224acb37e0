"""Check what a backfill is to do, and make its statement, before anything is opened.

Messages name the options of the command line; `bulkq.lifecycle.check_api_arguments.in_python` translates them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import QueryFileError, UsageError
from bulkq.query.backfill_statement import build_delete, build_set
from bulkq.query.range_placeholder import find_range, free_parameters
from bulkq.query.transform_statements import check_apply, read_select
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from bulkq.model import Query
    from bulkq.model.run import BackfillOptions

GESTURES = "--set COLUMN=EXPR, --delete, or FILE:NAME with a statement that has :range"


def complete_options(options: BackfillOptions, query: Query | None) -> BackfillOptions:
    """Return `options` with what the header of `query` says. An option outranks the header.

    Args:
        options: as given; `over` is "" if no table was named.
        query: the statement, if it is not made from the options.

    Raises:
        UsageError: there is no table, nothing to do with it, an option is empty, or two options contradict each other.
    """
    _refuse_empty(options)
    headers = query.metadata if query is not None else {}
    key = ",".join(headers.get("key", ())[:1])
    found = replace(
        options,
        over=options.over or "".join(headers.get("over", ())[:1]),
        key=options.key or key_columns(key),
        where=options.where or "".join(headers.get("where", ())[:1]) or None,
        verify=options.verify or " ".join(headers.get("verify", ())) or None,
        select=options.select or "".join(headers.get("select", ())[:1]) or None,
        map=options.map or "".join(headers.get("map", ())[:1]) or None,
        first_rows=(query.batch if query is not None else None) or options.first_rows,
        capture=options.capture or "".join(headers.get("capture", ())).lower() == "true",
    )
    _check(found, written=query is not None)
    return found


def key_columns(text: str) -> tuple[str, ...]:
    """Return the names in `a, b`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def statement_of(options: BackfillOptions, query: Query | None, dialect: str) -> Query:
    """Return `query`, or the statement of `--set` or `--delete` with the table as typed; the catalog's name follows later.

    Raises:
        UsageError: a text is not an assignment or not a condition.
        RangeError: the statement has no place for the range.
    """
    if options.map is not None and query is not None:
        check_apply(query)
        return query
    if query is not None:
        find_range(query, dialect)
        return query
    name = options.over.rpartition(".")[2].strip('"`') or options.over
    try:
        if options.delete:
            return replace(build_delete(options.over, options.where, dialect), name=name)
        return replace(build_set(options.over, options.assignments, options.where, dialect), name=name)
    except QueryFileError as error:
        raise UsageError(f"{quoted(options.over)} is not the name of a table: write TABLE or SCHEMA.TABLE") from error


def range_statement(options: BackfillOptions, query: Query, dialect: str) -> Query:
    """Return the statement that has the place of the range: that of `--select`, or `query`, as `statement_of` gives it.

    Raises:
        UsageError: `--select` is not one statement that reads, or has no place for the range.
    """
    return query if options.select is None else read_select(options.select, query, dialect)


def check_parameters(query: Query, given: Collection[str]) -> None:
    """Raise UsageError if a parameter beside the range has no value, or a value has no parameter."""
    missing = [name for name in free_parameters(query) if name not in given]
    if missing:
        raise UsageError(f'{query.place}: ":{missing[0]}" has no value: give it with --param {missing[0]}=VALUE')
    unused = sorted(set(given) - set(free_parameters(query)))
    if unused:
        raise UsageError(f'--param {unused[0]}: {query.place} has no ":{unused[0]}"')


def _refuse_empty(options: BackfillOptions) -> None:
    """Raise UsageError for an option without a text: the variable of a script may have been empty, and all rows are not meant."""
    texts = {"--where": options.where, "--verify": options.verify, "--select": options.select, "--map": options.map}
    for name in (name for name, text in texts.items() if text is not None and not text.strip()):
        raise UsageError(f'{name} "" is empty: write it, or leave out the option')


def _check(options: BackfillOptions, *, written: bool) -> None:
    if not options.over:
        advice = "add @over TABLE to the query, or give --over TABLE" if written else "give --over TABLE"
        raise UsageError(f"no table: {advice}")
    _check_transform(options, written=written)
    if not written and options.delete is bool(options.assignments):
        wrong = "--delete and --set" if options.delete else f"nothing to do with {options.over}"
        raise UsageError(f"{wrong}: give {GESTURES}")
    if options.delete and options.where is None:
        raise UsageError(
            "--delete without --where deletes every row: write --where true if that is meant, or use TRUNCATE"
        )
    if options.min_rows > options.max_rows:
        raise UsageError(f"--min-rows {options.min_rows} is more than --max-rows {options.max_rows}")


def _check_transform(options: BackfillOptions, *, written: bool) -> None:
    """Raise UsageError if one of `--select`, `--map` and `--apply` is missing, or an option that goes with them."""
    if options.select is None and options.map is None:
        given = {"--map-timeout": options.map_timeout_s is not None, "--no-lock": not options.lock}
        for name in (name for name, there in given.items() if there):
            raise UsageError(f"{name} goes with --select, --map and --apply: leave it out")
        return
    if options.select is None:
        raise UsageError('--map needs the rows of a range: give --select "select ... where :range"')
    if options.map is None:
        raise UsageError("--select needs a function for its rows: give --map MODULE:FUNCTION")
    if not written:
        raise UsageError("--select and --map need a query that takes what the function gives: give --apply FILE:NAME")
