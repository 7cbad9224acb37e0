"""The options of `bulkq backfill`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkq.cli.options import limits, output, safety, sources, targets
from bulkq.cli.options.option import options_of, together
from bulkq.cli.options.option_typed_dicts import LimitValues
from bulkq.cli.options.types import AimedTime, Count, Duration, PathText, QueryText, TableText, Text, Words

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = (
    *("target", "over", "set", "delete", "where"),
    *("concurrency", "target_time", "throttle", "verify", "failures"),
)
"""The options that people use first, for `bulkq backfill -h`."""

queries = options_of("Queries")
ranges = options_of("Parameter sets")


class BackfillValues(LimitValues):
    """The values that Click passes to `backfill` and `plan backfill`, each with some more, by option name. Times are in seconds."""

    file: str | None
    target: tuple[str, ...]
    order: str | None
    max_failed_targets: int | None
    over: str | None
    key: str | None
    set: tuple[str, ...]
    delete: bool
    where: str | None
    verify: str | None
    select: str | None
    map: str | None
    map_timeout: float | None
    apply: str | None
    no_lock: bool
    param: tuple[tuple[str, str], ...]
    target_time: float | None
    min_rows: int | None
    max_rows: int | None
    upper: str | None
    count: str | None
    confirm: tuple[str, ...]
    allow: tuple[tuple[str, ...], ...]
    max_affected: int | None
    marker_table: str | None
    capture: bool
    capture_table: str | None
    capture_max: int | None
    keep_markers: bool
    failures: str | None


class BackfillCommandValues(BackfillValues):
    """The values that Click passes to `backfill`."""

    rehearse: int | None
    plan: str | None


class PlanBackfillValues(BackfillValues):
    """The values that Click passes to `plan backfill`."""

    output: str | None


def range_sizes(*, recorded: bool = False) -> tuple[Callable[[F], F], ...]:
    """Return the options for the sizes of ranges; if `recorded`, their defaults are the values of a run, and are not shown."""
    settings: dict[str, object] = {"envvar": None} if recorded else {}

    def size(name: str, kind: click.ParamType[Any], metavar: str, text: str, default: str) -> Callable[[F], F]:
        shown = text if recorded else f"{text} Default: {default}."
        return ranges(name, type=kind, metavar=metavar, help=shown, **settings)

    aim = "Duration that the transaction of a range aims at; the number of rows follows from it."
    return (
        size("--target-time", AimedTime(), "TIME", aim, "500ms"),
        size("--min-rows", Count(1), "N", "Minimum number of rows of a range.", "10"),
        size("--max-rows", Count(1), "N", "Maximum number of rows of a range.", "100000"),
    )


_BACKFILL = (
    click.argument("file", required=False, type=QueryText(), metavar="[FILE:NAME]"),
    queries(
        "--over",
        type=TableText(),
        metavar="TABLE",
        help="Table to go over by ranges of its key. A query file names it with @over.",
    ),
    queries(
        "--set",
        type=Text(),
        multiple=True,
        metavar="COLUMN=EXPR",
        help="Set a column to an SQL expression in every row, or in those of --where. Repeatable.",
    ),
    queries("--delete", is_flag=True, help="Delete the rows of --where."),
    queries("--where", type=Text(), metavar="CONDITION", help="Condition for the rows that are changed or deleted."),
    queries(
        "--verify",
        type=Text(),
        metavar="QUERY",
        help="Query that gives 0 or no row when nothing is left. Default: the number of rows that still match --where.",
    ),
    queries(
        "--select",
        type=Text(),
        metavar="QUERY",
        help="Query with :range for the rows of a range, which go through the function of --map.",
    ),
    queries(
        "--map",
        type=Text(),
        metavar="MODULE:FUNCTION",
        help="Python function for the rows of --select. It gets those of a range as dicts, and returns dicts: the parameter "
        "sets of --apply. It runs in separate processes.",
    ),
    queries(
        "--map-timeout",
        type=Duration(),
        metavar="TIME",
        help="Timeout of the function of --map for the rows of a range. Default: that of the query.",
    ),
    queries(
        "--apply",
        type=QueryText(),
        metavar="FILE:NAME",
        help="Query that is executed for each dict of --map, in the transaction of the range.",
    ),
    queries(
        "--no-lock",
        is_flag=True,
        help="Do not lock the rows of --select. Changes that other sessions commit between the last reading and --apply may "
        "be overwritten.",
    ),
    sources.PARAM,
    ranges(
        "--key",
        type=Text(),
        metavar="COLUMN,...",
        help="Columns of a unique index to cut ranges by. Default: the primary key, or the narrowest unique index.",
    ),
    *range_sizes(),
    ranges(
        "--upper",
        type=Words("fixed", "open"),
        help="Where the last range ends: fixed is the last row at the start, open follows rows that are inserted meanwhile. "
        "Default: fixed.",
    ),
    ranges(
        "--count",
        type=Words("estimate", "exact", "none"),
        help="How to count the rows of the table for the progress. Default: estimate.",
    ),
    targets.TARGET,
    *targets.ORDER,
    targets.PER_TARGET,
    targets.CONNECT_TIMEOUT,
    limits.CONCURRENCY(default=2, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=5, show_default=True),
    limits.OUTAGE(default="5m", show_default=True),
    limits.EXECUTOR,
    limits.THROTTLE,
    *limits.PACE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    *safety.PERMISSIONS,
    safety.MAX_AFFECTED,
    *safety.CAPTURE,
    safety.MARKER_TABLE,
    safety.KEEP_MARKERS,
    safety.LEDGER_OR_NONE,
    output.FAILURES,
    output.REPORT,
    output.PROGRESS,
    output.METRICS,
    output.NAME,
    output.TAG,
    output.LOG_FORMAT,
    output.DEBUG,
)


SHARD = sources.refuse_shard(
    "a backfill has no shards, because each range begins where the one before it ends: leave --shard out, "
    "and use -j, or --where with a part of the rows for each run"
)

REHEARSE = ranges(
    "--rehearse",
    type=Count(1),
    metavar="N",
    help="Execute N ranges that are spread over the table, roll each back, and show how long the whole takes. Nothing is changed.",
)

PLAN = queries(
    "--plan",
    type=PathText(),
    metavar="FILE",
    envvar=None,
    help="Carry out the plan that bulkq plan backfill -o has written, and nothing that differs from it.",
)
PLAN_OUTPUT = output.option(
    "-o",
    "--output",
    type=PathText(),
    metavar="FILE",
    envvar=None,
    help="File for the plan, for bulkq backfill --plan. It has no passwords.",
)


def backfill_options(function: F) -> F:
    """Add the options of `backfill`."""
    return together(*_BACKFILL, PLAN, REHEARSE, SHARD)(function)


def plan_backfill_options(function: F) -> F:
    """Add the options of `plan backfill`."""
    return together(*_BACKFILL, PLAN_OUTPUT, SHARD)(function)
