"""The options of `bulkq maintain` and `bulkq plan maintain`, by sections of help, and the request that they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from bulkq.cli.options import build_run, limits, output, safety, sources, targets
from bulkq.cli.options.option import options_of, together
from bulkq.cli.options.option_typed_dicts import LimitValues, PaceValues
from bulkq.cli.options.types import Count, TableText, Text, Words
from bulkq.dialects import MAINTENANCE_COMMANDS
from bulkq.errors import UsageError
from bulkq.model import Mode, Parameter, Query, Run, StatementClass
from bulkq.model.maintenance import MaintenanceOptions
from bulkq.model.run import OutputOptions, QueryOptions, SafetyOptions, TargetOptions
from bulkq.policy.object_order import ORDERS, URGENCY
from bulkq.policy.object_selection import parse_selection
from bulkq.text.message_parts import suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    F = TypeVar("F", bound="Callable[..., object]")

START = ("target", "select", "table", "concurrency", "skip_locked", "window", "deadline")
"""The options that people use first, for `bulkq maintain -h`."""

ONLY_FOR = {
    "skip_locked": ("vacuum", "freeze", "analyze"),
    "full": ("vacuum",),
    "analyze": ("vacuum", "freeze"),
    "parallel": ("vacuum", "freeze"),
    "buffer_usage_limit": ("vacuum", "freeze", "analyze"),
    "no_concurrently": ("reindex", "refresh"),
    "repair": ("indexes",),
}
"""By option: the commands that it is for."""

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
    click.argument("what", type=Words(*MAINTENANCE_COMMANDS), metavar="COMMAND"),
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
        "--skip-locked", is_flag=True, help="Skip a table whose lock is not free at once. Vacuum, freeze and analyze."
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
    queries("--full", is_flag=True, help="Write each table anew, under a lock that all others wait for. Vacuum."),
    queries("--analyze", is_flag=True, help="Collect statistics of each table too. Vacuum and freeze."),
    queries(
        "--parallel",
        type=Count(0),
        metavar="N",
        help="Workers of the server for the indexes of one table. Default: the server decides. Vacuum and freeze.",
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
        help="Work on every database of each server that -t names, except templates.",
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


def build(options: MaintainValues, ctx: click.Context) -> Run:
    """Return the request of the command line. Connects to nothing.

    Raises:
        UsageError: a value is missing or not valid, or an option is for another command.
    """
    selected = build_run.some_targets(options["target"], ctx)
    build_run.check_ledger(options["ledger"])
    command = options["what"]
    _refuse_options_of_others(options)
    _refuse_empty_names(options)
    _refuse_what_full_lacks(options)
    if options["select"] is not None:
        parse_selection(options["select"])
    order, canaries = _order(options["order"])
    request = Run(
        queries=QueryOptions(selected=(command_query(command),), name=options["name"], tags=options["tag"]),
        targets=TargetOptions(selected=selected, canaries=canaries),
        limits=replace(build_run.limits_of(options, ctx), max_failed_targets=options["max_failed_targets"]),
        safety=SafetyOptions(write=True, confirmed=options["confirm"], ledger=options["ledger"]),
        output=OutputOptions(format="none", failures=options["failures"]),
        maintenance=MaintenanceOptions(
            command=command,
            select=options["select"] or "",
            order=order,
            tables=options["table"],
            schemas=options["schema"],
            exclude=options["exclude"],
            skip_locked=options["skip_locked"],
            after_lock_tries=options["after_lock_tries"],
            concurrently=not options["no_concurrently"],
            full=options["full"],
            analyze=options["analyze"],
            parallel=options["parallel"],
            buffer_usage_limit=_memory(options["buffer_usage_limit"]),
            repair=options["repair"],
        ),
    )
    return build_run.completed(request, ctx)


def command_query(command: str) -> Query:
    """The query that stands for a command in records and reports. Its parameter is the name of an object."""
    return Query(
        name=command,
        sql=f"{command.upper()} :object",
        parameters=(Parameter("object"),),
        statement=StatementClass.MAINTENANCE,
        mode=Mode.MAINTENANCE,
        verb=command.upper(),
        transaction=False,
    )


def _refuse_options_of_others(options: MaintainValues) -> None:
    """Raise UsageError for an option that has no effect on the command."""
    given = dict(options)
    for name, commands in ONLY_FOR.items():
        if given[name] not in {None, False} and options["what"] not in commands:
            raise UsageError(
                f"--{name.replace('_', '-')} is for {', '.join(commands)}: leave it out for {options['what']}"
            )


def _refuse_empty_names(options: MaintainValues) -> None:
    """Raise UsageError for an empty name, which is probably a variable of a shell that is not set."""
    for name, given in (("table", options["table"]), ("schema", options["schema"]), ("exclude", options["exclude"])):
        if "" in given:
            raise UsageError(f'--{name} "": the name is empty: write one, or leave the option out')


def _refuse_what_full_lacks(options: MaintainValues) -> None:
    """Raise UsageError for options that PostgreSQL does not take together with VACUUM FULL."""
    if options["full"] and options["parallel"]:
        raise UsageError("--parallel has no effect with --full: leave one of them out")
    if options["full"] and options["buffer_usage_limit"] is not None and not options["analyze"]:
        raise UsageError("--buffer-usage-limit with --full is for --analyze only: add --analyze, or leave it out")


def _order(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The order of the objects, and the targets that come first."""
    order, canaries = URGENCY, tuple[str, ...]()
    for word in words:
        if word.startswith("canary:"):
            canaries += build_run.canaries(word)
        elif word in ORDERS:
            order = word
        else:
            raise UsageError(f'--order "{word}": no such order{suggestion_or_names(word, ORDERS)}')
    return order, canaries


def _memory(text: str | None) -> str:
    """A size as PostgreSQL takes it. It stands in a statement as a literal, so it must be nothing else."""
    if text is None:
        return ""
    number, unit = text.rstrip("kMGTB "), text[len(text.rstrip("kMGTB ")) :].strip()
    if not number.isascii() or not number.isdigit() or unit not in {"", "kB", "MB", "GB", "TB"}:
        raise UsageError(f'--buffer-usage-limit "{text}": is not a size: write for example 256MB')
    size = int(number) * _KB[unit]
    if size and not LEAST_KB <= size <= MOST_KB:
        raise UsageError(f'--buffer-usage-limit "{text}": must be 0, or from 128kB to 16GB')
    return text


_KB = {"": 1, "kB": 1, "MB": 1 << 10, "GB": 1 << 20, "TB": 1 << 30}
LEAST_KB, MOST_KB = 128, 16 << 20
"""Bounds of PostgreSQL for the buffers of a command, in kB: a number without a unit is in kB, too."""
