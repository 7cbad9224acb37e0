"""`bulkq resume`: go on with a run of the ledger that was stopped or killed."""

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


@click.command("resume", short_help="Go on with a run that was stopped or killed.")
@options_of_recorded
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[RecordedOptions]) -> int:
    """Go on with a run that was stopped or killed: what is missing is done, and nothing twice.

    \b
    bulkq resume 01kb4x
    bulkq resume --last -j 2

    Queries, parameters and target are those of the run, and must not have changed since; so is every option that is not
    given. -t is needed only where the password was part of it: passwords are not kept.
    """  # noqa: D301 - Click reads a real backspace
    messages, changes = understood(ctx, options)
    reports = wanted_reports(options["report"], rows="")
    from bulkq.tasks.resume import resume

    changes["reports"] = files_of(reports)
    task = partial(resume, options["run"], ledger=options["ledger"], changes=changes, config=named_config(ctx))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    return carry_out(task, progress=options["progress"], reports=reports, messages=messages, ledger=ledger)
