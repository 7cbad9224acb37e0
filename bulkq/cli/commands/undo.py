"""`bulkq undo`: give the rows that a backfill changed their old values back."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.options import output
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import option, typed
from bulkq.cli.options.recorded_run_options import START, options_of_recorded, understood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from bulkq.cli.options.recorded_run_options import RecordedOptions
    from bulkq.engine.stop_control import Control
    from bulkq.model import RunSummary
    from bulkq.protocols import Observer
    from bulkq.targets import Config


@click.command(
    "undo",
    cls=DocumentedCommand,
    start=("dry_run", *START),
    short_help="Give the rows that a backfill changed their old values back.",
    examples=(
        ("count what an undo would do", "bulkq undo 01kb4x --dry-run"),
        ("undo a run, and list the rows that stay as they are", "bulkq undo 01kb4x --failures conflicts.jsonl"),
    ),
)
@options_of_recorded
@option(
    "--dry-run",
    section="Queries",
    is_flag=True,
    envvar=None,
    help="Count the rows that can be given back, and change nothing.",
)
@output.FAILURES
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    dry_run: bool,
    failures: str | None,
    **options: Unpack[RecordedOptions],
) -> int:
    """Give the rows that bulkq backfill --capture changed or deleted their old values back, as a run of its own.

    A row is given back if it still has the values that the run wrote, or if it is still deleted. The others stay as they are:
    --failures lists them, and the exit code is 1. The undo can be stopped and resumed; a second undo takes what is left.
    """
    messages, changes = understood(ctx, options)
    if dry_run:
        return _count(options, changes, named_config(ctx))
    reports = wanted_reports(options["report"], rows=None)
    metrics = metrics_path(options["metrics"])
    changes["reports"] = files_of(reports, metrics)
    task = partial(
        _undo,
        run=options["run"],
        ledger=options["ledger"],
        changes=changes,
        failures=str(Path(failures).resolve()) if failures else None,
        confirmed=options["confirm"],
        config=named_config(ctx),
    )
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    return carry_out(
        task,
        progress=options["progress"],
        reports=reports,
        messages=messages,
        ledger=ledger,
        metrics=metrics,
    )


async def _undo(  # noqa: PLR0913 - the arguments of the task
    *,
    run: str | None,
    ledger: str,
    changes: Mapping[str, object],
    failures: str | None,
    confirmed: tuple[str, ...],
    config: Config | None,
    control: Control,
    observers: Sequence[Observer],
    stdout: BinaryIO | None,
    terminal: bool,
) -> RunSummary:
    from bulkq.tasks.undo import undo

    del stdout, terminal  # an undo gives no rows
    return await undo(
        run,
        ledger=ledger,
        changes=changes,
        failures=failures,
        confirmed=confirmed,
        config=config,
        control=control,
        observers=observers,
    )


def _count(options: RecordedOptions, changes: Mapping[str, object], config: Config | None) -> int:
    """Print what an undo would do."""
    from bulkq.tasks.undo import count_undo

    run, found = asyncio.run(count_undo(options["run"], ledger=options["ledger"], changes=changes, config=config))
    for counts in found:
        click.echo(
            f"undo of {run} on {counts.target}: {counts.restorable} rows can be given back, {counts.changed} have changed since "
            f"and would stay as they are, {counts.undone} are back already"
        )
    return 0
