"""The options of `bulkq maintain` and `bulkq plan maintain`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from bulkq.cli.options import limits, output, safety, sources, targets
from bulkq.cli.options.option import options_of, together
from bulkq.cli.options.option_typed_dicts import LimitValues, PaceValues
from bulkq.cli.options.types import Count, TableText, Text, Words
from bulkq.dialects import maintenance_commands
from bulkq.policy.object_order import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = ("target", "select", "table", "concurrency", "skip_locked", "window", "deadline")
"""The options that people use first, for `bulkq maintain -h`."""


queries = options_of("Queries")
objects = options_of("Parameter sets")


class MaintainValues(LimitValues, PaceValues):
    """The values that Click passes to `maintain` and `plan maintain`, by option name. Times are in seconds."""

    what: str
    target: tuple[str, ...]
    select: str | None
    order: tuple[str, ...]
    table: tuple[str, ...]
    schema: tuple[str, ...]
    exclude: tuple[str, ...]
    skip_locked: bool
    after_lock_tries: str
    no_concurrently: bool
    full: bool
    analyze: bool
    parallel: int | None
    buffer_usage_limit: str | None
    repair: bool
    all_databases: bool
    max_failed_targets: int | None
    confirm: tuple[str, ...]
    failures: str | None


_MAINTAIN = (
    click.argument("what", type=Words(*maintenance_commands()), metavar="COMMAND"),
    objects(
        "--select",
        type=Text(),
        metavar="EXPR",
        help="Select objects by what the catalog says of them: size, dead, rows, bloat, age, mxid_age, last_vacuum, last_analyze, "
        "name, schema, table. Example: 'dead > 10% and size > 1GB'. Default: all objects.",
    ),
    objects(
        "--order",
        type=Text(*ORDERS),
        multiple=True,
        metavar="WORD|canary:NAME,rest",
        help="Order of the objects, the greatest first: dead, size, age, bloat or oldest. Default: urgency, which depends on the "
        "command. canary:NAME,rest finishes the named targets first. Repeatable.",
    ),
    objects(
        "--table",
        type=TableText(),
        multiple=True,
        metavar="NAME",
        help="Only these tables, or indexes; NAME or SCHEMA.NAME, with * for any characters. A partitioned table means its partitions. "
        "Repeatable.",
    ),
    objects(
        "--schema", type=Text(), multiple=True, metavar="NAME", help="Only the objects of these schemas. Repeatable."
    ),
    objects(
        "--exclude",
        type=Text(),
        multiple=True,
        metavar="NAME",
        help="Leave out tables, indexes or schemas of this name. Repeatable.",
    ),
    queries(
        "--skip-locked",
        is_flag=True,
        help="Skip a table whose lock is not free at once. PostgreSQL: vacuum, freeze, analyze.",
    ),
    queries(
        "--after-lock-tries",
        type=Words("skip", "fail"),
        default="skip",
        show_default=True,
        help="Outcome of an object whose lock was not granted in any of the tries, see --retries. A skipped object is done by "
        "bulkq resume.",
    ),
    queries(
        "--no-concurrently",
        is_flag=True,
        help="Rebuild indexes, or fill materialized views anew, faster and with a lock that others wait for.",
    ),
    queries(
        "--full", is_flag=True, help="Write each table anew, under a lock that all others wait for. PostgreSQL: vacuum."
    ),
    queries("--analyze", is_flag=True, help="Collect statistics of each table too. PostgreSQL: vacuum, freeze."),
    queries(
        "--parallel",
        type=Count(0),
        metavar="N",
        help="Workers of the server for the indexes of one table. Default: the server decides. PostgreSQL: vacuum, freeze.",
    ),
    queries(
        "--buffer-usage-limit",
        type=Text(),
        metavar="SIZE",
        help="Memory that the command uses of the server's cache, as PostgreSQL takes it: 128kB to 16GB, or 0. PostgreSQL 16 and newer.",
    ),
    queries(
        "--repair",
        is_flag=True,
        help="Rebuild or drop the indexes that indexes has found. Without it, they are listed.",
    ),
    sources.refuse_shard(
        "maintenance has no shards, because the objects to do, and their order, change while it works: leave --shard out, or unset "
        "BULKQ_SHARD, and use -j, or --table and --schema with a part of the objects for each job"
    ),
    targets.TARGET,
    targets.option(
        "--all-databases",
        is_flag=True,
        help="Work on every database of each server that -t names, except templates. checkpoint is executed once for each server.",
    ),
    targets.ORDER[1],
    targets.PER_TARGET,
    targets.CONNECT_TIMEOUT,
    limits.CONCURRENCY(default=2, show_default=True),
    limits.TIMEOUT(default="none", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=5, show_default=True),
    limits.OUTAGE(default="5m", show_default=True),
    limits.EXECUTOR,
    limits.THROTTLE,
    *limits.PACE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    safety.CONFIRM,
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


def maintain_options(function: F) -> F:
    """Add the options of `maintain` and `plan maintain`."""
    return together(*_MAINTAIN)(function)
