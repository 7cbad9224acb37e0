"""The options of `bulkq diag run` and `bulkq diag all`, and the requests that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from bulkq.cli.options import build_run, limits, output, safety, sources, targets
from bulkq.cli.options.option import options_of, together, typed
from bulkq.cli.options.option_typed_dicts import LimitValues
from bulkq.cli.options.types import QuestionText, Text, Words
from bulkq.errors import UsageError
from bulkq.model import Run
from bulkq.model.run import OutputOptions, QueryOptions, SafetyOptions, SourceOptions, TargetOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Query, Target
    from bulkq.tasks.check.open_check import CheckRequest

    F = TypeVar("F", bound="Callable[..., object]")

START = ("target", "as_", "param", "output", "format", "report", "concurrency")
"""The options that people use first, for `bulkq diag run -h`."""

NAMES = click.argument("names", nargs=-1, type=QuestionText(), metavar="NAME...")
SUBJECT = options_of("Queries")(
    "--tag",
    type=Text(),
    multiple=True,
    metavar="TAG",
    help="Ask only questions with this tag, such as locks, indexes or vacuum. Repeatable.",
)
AS = options_of("Output")(
    "--as",
    "as_",
    type=Words("rows", "check"),
    default="rows",
    show_default=True,
    help="Result of each question: its rows, or a verdict by the thresholds in its header.",
)
ROWS_ONLY = ("output", "format", "include")
CHECKS_ONLY = ("ledger", "max_rows")


class DiagOptions(LimitValues):
    """The values that Click passes to `diag run` and `diag all`, by option name."""

    names: tuple[str, ...]
    target: tuple[str, ...]
    param: tuple[tuple[str, str], ...]
    as_: str
    output: str | None
    format: str | None
    include: tuple[tuple[str, ...], ...]
    confirm: tuple[str, ...]
    max_rows: int


_DIAG = (
    sources.PARAM,
    targets.TARGET,
    targets.PER_TARGET,
    targets.CONNECT_TIMEOUT,
    limits.CONCURRENCY(default=4, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=2, show_default=True),
    limits.OUTAGE(default="10s", show_default=True),
    limits.THROTTLE,
    *limits.PACE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    limits.MOST_ROWS,
    safety.CHECK_LEDGER,
    safety.CONFIRM,
    AS,
    *output.ROW_FILE,
    output.REPORT,
    output.PROGRESS,
    output.METRICS,
    output.NAME,
    output.LOG_FORMAT,
    output.DEBUG,
)


def diag_options(function: F) -> F:
    """Add the options of `diag run` and `diag all`."""
    return together(*_DIAG)(function)


def check_options(options: DiagOptions, ctx: click.Context) -> None:
    """Raise UsageError for typed options that the form of the result does not have."""
    for name in ROWS_ONLY if options["as_"] == "check" else CHECKS_ONLY:
        if typed(ctx, name):
            other = "leave out --as check, or use --report" if options["as_"] == "check" else "add --as check"
            raise UsageError(f"--{name.replace('_', '-')} has no effect here: {other}")


def build_rows(options: DiagOptions, ctx: click.Context, queries: tuple[Query, ...], found: tuple[Target, ...]) -> Run:
    """The run that gives the rows of `queries`. It is not recorded, because its answers are those of a moment."""
    rows = OutputOptions(
        path=options["output"],
        format=options["format"],
        include=tuple(dict.fromkeys(word for words in options["include"] for word in words)),
        sections=True,
    )
    run = Run(
        queries=QueryOptions(selected=queries, name=options["name"] or "diag"),
        sources=SourceOptions(constants=build_run.constants(options["param"])),
        targets=TargetOptions(selected=found),
        limits=build_run.limits_of(options, ctx),
        safety=SafetyOptions(confirmed=options["confirm"], ledger="none"),
        output=rows,
    )
    return _permitted(run, ctx, options)


def build_checks(
    options: DiagOptions, ctx: click.Context, queries: tuple[Query, ...], found: tuple[Target, ...]
) -> CheckRequest:
    """The run of checks that judges `queries` by their thresholds.

    Raises:
        UsageError: the ledger cannot be used.
    """
    from bulkq.tasks.check.open_check import CheckRequest

    build_run.check_ledger(options["ledger"])
    run = Run(
        queries=QueryOptions(selected=queries, name=options["name"] or "diag"),
        sources=SourceOptions(constants=build_run.constants(options["param"])),
        targets=TargetOptions(selected=found),
        limits=build_run.limits_of(options, ctx),
        safety=SafetyOptions(confirmed=options["confirm"], ledger=options["ledger"]),
    )
    return CheckRequest(run=_permitted(run, ctx, options), most_rows=options["max_rows"])


def _permitted(run: Run, ctx: click.Context, options: DiagOptions) -> Run:
    """`run` with what the configuration adds, if the safety rules permit it."""
    run = build_run.completed(run, ctx)
    refused = build_run.refusal(run, options["confirm"])
    if refused is not None:
        raise refused
    return run
