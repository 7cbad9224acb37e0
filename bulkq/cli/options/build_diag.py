"""Build the requests of `bulkq diag` from the options of the command line: a run for rows, or a run of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.options import build_run
from bulkq.cli.options.option import typed
from bulkq.errors import UsageError
from bulkq.model import Run
from bulkq.model.run import OutputOptions, QueryOptions, SafetyOptions, SourceOptions, TargetOptions

if TYPE_CHECKING:
    import click

    from bulkq.cli.options.diag_options import DiagOptions
    from bulkq.model import Query, Target
    from bulkq.tasks.check.open_check import CheckRequest

ROWS_ONLY = ("output", "format", "include")
CHECKS_ONLY = ("ledger", "max_rows")


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
