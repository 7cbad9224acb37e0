"""`bulkq runs`: list the runs of the ledger; `bulkq runs RUN`: show one, and what to do next."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from bulkq.cli.display.listed_run import run_text, runs_json, runs_table
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.option import option, together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.safety import LEDGER, warn_of_password
from bulkq.cli.options.types import Count, RunText, Text, Words
from bulkq.errors import UsageError
from bulkq.tasks.list_runs import find_run, list_runs

if TYPE_CHECKING:
    from bulkq.model.run_record import ListedRun

STATUSES = ("ok", "failed", "unknown", "refused", "stopped", "incomplete", "running", "dead")


@click.command(
    "runs",
    cls=DocumentedCommand,
    short_help="List the runs of the ledger, or show one.",
    examples=(
        ("list the newest runs that failed", "bulkq runs --status failed"),
        ("show one run, and what to do next", "bulkq runs 01kb4x"),
        ("show the newest run", "bulkq runs --last"),
        ("watch a run that is in progress", "bulkq runs 01kb4x --watch"),
        ("show the history of a check", "bulkq runs --check no_orphans"),
        ("sum up the shards of a job", "bulkq runs --group nightly"),
    ),
)
@click.argument("run", required=False, type=RunText(), metavar="[RUN]")
@together(
    LEDGER,
    option("--last", is_flag=True, envvar=None, help="Show the newest run."),
    option(
        "--limit",
        type=Count(1),
        default=20,
        show_default=True,
        metavar="N",
        envvar=None,
        help="Maximum number of runs to list, the newest first.",
    ),
    option("--name", type=Text(), envvar=None, help="List only runs with this name."),
    option(
        "--check",
        "check_name",
        type=Text(),
        envvar=None,
        metavar="NAME",
        help="Show the history of the checks with this name instead of runs.",
    ),
    option(
        "--status",
        type=Words(*STATUSES),
        envvar=None,
        help="List only runs with this status. A dead run was killed and can be resumed.",
    ),
    option(
        "--group",
        type=Text(),
        envvar=None,
        metavar="NAME",
        help="Sum up the runs of this group: shards that are there, failed or missing, and totals. The exit code is 0 if all are ok.",
    ),
    option(
        "--watch",
        "watched",
        is_flag=True,
        envvar=None,
        help="Show the status of RUN every second until it has ended: a page on a terminal, lines elsewhere. Without RUN, "
        "the only live run of this machine.",
    ),
    FORM,
    LOG_FORMAT,
    DEBUG,
)
def command(  # noqa: PLR0913, PLR0917 - its options
    run: str | None,
    ledger: str,
    last: bool,
    limit: int,
    name: str | None,
    status: str | None,
    check_name: str | None,
    group: str | None,
    watched: bool,
    form: str,
    log_format: str,
    **_: object,
) -> int:
    """List the runs of the ledger, the newest first. With RUN, an id or the beginning of one, show that run."""
    messages, as_json = Messages(as_json=log_format == "json"), form == "json"
    warn_of_password(ledger, messages)
    if last and (run, name, status, check_name) != (None, None, None, None):
        raise UsageError("--last shows the newest run: leave out RUN, --name, --status and --check")
    one = last or run is not None
    if group is not None:
        from bulkq.cli.display.run_group_text import tell_group

        _refuse_beside_group(one or watched, name, status, check_name)
        return tell_group(group, ledger, as_json=as_json)
    if check_name is not None:
        from bulkq.cli.display.check_history import history_text
        from bulkq.tasks.check.read_history import read_history

        if run is not None or name is not None or status is not None or watched:
            raise UsageError("--check shows the history of a check: leave out RUN, --name, --status and --watch")
        known = asyncio.run(read_history(check_name, ledger))
        click.echo(history_text(known, limit, as_json=as_json))
    elif watched:
        if name is not None or status is not None:
            raise UsageError("--watch shows one run: leave out --name and --status")
        _watch(run, ledger, messages, last=last, as_json=as_json)
    elif one:
        _show(_find(run, ledger, messages), ledger, as_json=as_json)
    else:
        _list(ledger, limit, name, status, messages, as_json=as_json)
    return 0


def _refuse_beside_group(one: bool, *others: str | None) -> None:
    """Raise UsageError if `--group` is given together with what selects other runs."""
    if one or any(other is not None for other in others):
        raise UsageError("--group sums up a group: leave out RUN, --last, --name, --status, --check and --watch")


def _list(ledger: str, limit: int, name: str | None, status: str | None, messages: Messages, *, as_json: bool) -> None:
    """Print the newest runs; nothing if there is no ledger."""
    from bulkq.ledger.location import LedgerMissing

    try:
        known = asyncio.run(list_runs(ledger, limit, name, status))
    except LedgerMissing as error:
        messages.say("info", str(error))
        known = []
    if as_json:
        click.echo(runs_json(known, one=False, indent=2))
    elif known:
        click.echo(runs_table(known))
    elif name is not None or status is not None:
        messages.say("info", "no run has this name or status: bulkq runs lists all")


def _find(run: str | None, ledger: str, messages: Messages) -> ListedRun | None:
    """Return a run, or the newest one for None, which is none if there is no ledger."""
    from bulkq.ledger.location import LedgerMissing

    try:
        return asyncio.run(find_run(ledger, run))
    except LedgerMissing as error:
        if run is not None:
            raise UsageError(f'no run "{run}": {error}') from None
        messages.say("info", str(error))
    return None


def _show(known: ListedRun | None, ledger: str, *, as_json: bool, indent: int | None = 2) -> None:
    """Print one run; nothing for None."""
    from bulkq.ledger.location import locate

    if known is not None:
        click.echo(runs_json([known], one=True, indent=indent) if as_json else run_text(known, locate(ledger).shown))


def _watch(run: str | None, ledger: str, messages: Messages, *, last: bool, as_json: bool) -> None:
    """Watch a run, or the `last` one, until it has ended, and print what it came to.

    Nothing is printed if the user has left the page, or if the ledger does not have the run.
    """
    from bulkq.cli.display.watch import open_view, watch
    from bulkq.ledger.location import LedgerMissing
    from bulkq.tasks.live_status import LiveStatus

    if last:
        newest = _find(None, ledger, messages)
        if newest is None:
            return
        run = newest.record.run
    feed = LiveStatus(run, ledger)
    try:
        with open_view(sys.stdout, os.environ, as_json=as_json) as view:
            asyncio.run(watch(feed, view))
    except KeyboardInterrupt:
        click.echo("the run continues", err=True)
        return
    try:
        _show(asyncio.run(find_run(ledger, feed.run)), ledger, as_json=as_json, indent=None)
    except LedgerMissing as error:
        messages.say("info", f"run {feed.run} has ended; {error}")
    except UsageError:
        messages.say("info", f"run {feed.run} has ended, and the ledger does not have it")
