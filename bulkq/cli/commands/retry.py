"""`bulkq retry`: a new run over the parameter sets that failed in a run of the ledger."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.options.defaults import named_config
from bulkq.cli.options.groups import typed
from bulkq.cli.options.resume_options import options_of_recorded, understood
from bulkq.cli.run_task import carry_out, files_of, wanted_reports

if TYPE_CHECKING:
    from bulkq.cli.options.resume_options import RecordedOptions


@click.command("retry", short_help="A new run over the parameter sets that failed in another.")
@options_of_recorded
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[RecordedOptions]) -> int:
    """Run the parameter sets once more that failed in a run: a new run, with its own id and output.

    \b
    bulkq retry 01kb4x
    bulkq retry --last --timeout 5m

    Its rows go to the file of the run with .retry-RUN before the suffix, and every option that is not given is that of the run.
    A run that is not complete is for bulkq resume.
    """  # noqa: D301 - Click reads a real backspace
    messages, changes = understood(ctx, options)
    reports = wanted_reports(options["report"], rows="")
    from bulkq.tasks.retry import retry

    changes["reports"] = files_of(reports)
    task = partial(retry, options["run"], ledger=options["ledger"], changes=changes, config=named_config(ctx))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    return carry_out(task, progress=options["progress"], reports=reports, messages=messages, ledger=ledger)
