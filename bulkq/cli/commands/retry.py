"""`bulkq retry`: run the failed parameter sets of a recorded run again, as a new run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import typed
from bulkq.cli.options.recorded_run_options import START, advise_passwords, allowed, options_of_recorded, understood
from bulkq.cli.options.safety import REWRITTEN_TABLE

if TYPE_CHECKING:
    from bulkq.cli.options.recorded_run_options import RecordedOptions


@click.command(
    "retry",
    cls=DocumentedCommand,
    start=START,
    short_help="Run the failed parameter sets of a run again, as a new run.",
    examples=(
        ("run the failed parameter sets of a run again", "bulkq retry 01kb4x"),
        ("give them more time, in the newest run", "bulkq retry --last --timeout 5m"),
    ),
)
@options_of_recorded
@REWRITTEN_TABLE
@click.pass_context
def command(ctx: click.Context, /, *, allow: tuple[tuple[str, ...], ...], **options: Unpack[RecordedOptions]) -> int:
    """Run the parameter sets that failed in a run again. The result is a new run, with its own id and output.

    The rows go to the output file of the run, with .retry-RUN before the suffix. Options that are not given keep the values
    of the run. If the run is not complete, use bulkq resume first.
    """
    messages, changes = understood(ctx, options)
    reports = wanted_reports(options["report"], rows="")
    metrics = metrics_path(options["metrics"])
    from bulkq.tasks.retry import retry

    changes |= allowed(allow)
    changes["reports"] = files_of(reports, metrics)
    task = partial(retry, options["run"], ledger=options["ledger"], changes=changes, config=named_config(ctx))
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
