"""`bulkq resume`: continue a recorded run that was stopped or killed."""

from __future__ import annotations

from functools import partial
from typing import Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.options.backfill_options import range_sizes
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import option, together, typed
from bulkq.cli.options.recorded_run_options import (
    START,
    RecordedOptions,
    advise_passwords,
    allowed,
    options_of_recorded,
    understood,
)
from bulkq.cli.options.safety import CAPTURE_MAX, REWRITTEN_TABLE

RANGES = {
    "capture_max": "capture_max",
    "target_time": "target_time_s",
    "min_rows": "min_rows",
    "max_rows": "max_rows",
}
"""Options that change the ranges of a backfill, with the field of `BackfillOptions` that each changes."""


class ResumeOptions(RecordedOptions):
    """The values that Click passes to `resume` beside `--again` and `--allow`, by option name."""

    capture_max: int | None
    target_time: float | None
    min_rows: int | None
    max_rows: int | None


@click.command(
    "resume",
    cls=DocumentedCommand,
    start=START,
    short_help="Continue a run that was stopped or killed.",
    examples=(
        ("continue a run", "bulkq resume 01kb4x"),
        ("continue the newest run, with fewer connections", "bulkq resume --last -j 2"),
    ),
)
@options_of_recorded
@option(
    "--again",
    section="Queries",
    is_flag=True,
    envvar=None,
    help="Go over the whole key of a backfill once more, for rows that its verification has found left.",
)
@REWRITTEN_TABLE
@CAPTURE_MAX(envvar=None)
@together(*range_sizes(recorded=True))
@click.pass_context
def command(
    ctx: click.Context, /, *, again: bool, allow: tuple[tuple[str, ...], ...], **options: Unpack[ResumeOptions]
) -> int:
    """Continue a run that was stopped or killed. bulkq executes the missing parameter sets, and applies none twice.

    Queries, parameters and target are those of the run and must not have changed since. Options that are not given keep
    the values of the run. Give -t again only if it contained a password, because the ledger does not record passwords.
    """
    messages, changes = understood(ctx, options)
    reports = wanted_reports(options["report"], rows="")
    metrics = metrics_path(options["metrics"])
    from bulkq.tasks.resume import resume

    changes |= {field: dict(options)[name] for name, field in RANGES.items() if typed(ctx, name)}
    changes |= allowed(allow)
    changes["reports"] = files_of(reports, metrics)
    task = partial(
        resume,
        options["run"],
        ledger=options["ledger"],
        changes=changes,
        config=named_config(ctx),
        ranges="all" if again else "missing",
    )
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    with advise_passwords(changes):
        return carry_out(
            task,
            progress=options["progress"],
            reports=reports,
            messages=messages,
            ledger=ledger,
            metrics=metrics,
        )
