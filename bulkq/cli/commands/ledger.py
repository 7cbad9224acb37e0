"""`bulkq ledger upgrade|check|forget`: the schema of the ledger, its health, and dropping a run from it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bulkq.cli.messages import Messages
from bulkq.cli.options.groups import DEBUG, LOG_FORMAT, option, together
from bulkq.cli.options.types import Text, Words
from bulkq.errors import RefusedError
from bulkq.model import RunState
from bulkq.text.urls import passwords

if TYPE_CHECKING:
    from bulkq.ledger.maintenance import Checkup
    from bulkq.model import RunRecord

UNSOUND = 1

LEDGER = option(
    "--ledger",
    type=Text(),
    default="auto",
    show_default=True,
    metavar="auto|URL",
    help="The ledger: a file, sqlite:///FILE or postgresql://...; auto is bulkq/ledger.db in $XDG_STATE_HOME.",
)


def warn_of_password(ledger: str, messages: Messages) -> None:
    """A password in argv is read by everyone who lists processes; say where it belongs."""
    if passwords(ledger) and click.get_current_context().get_parameter_source("ledger") is ParameterSource.COMMANDLINE:
        messages.say(
            "warning",
            "the password in --ledger can be read by everyone who lists processes: "
            "put it into ~/.pgpass, PGPASSWORD or BULKQ_LEDGER",
        )


@click.group("ledger", short_help="The record of runs: upgrade or check it, forget a run.")
def command() -> None:
    """Look after the ledger, in which runs are recorded.

    \b
    bulkq ledger check
    bulkq ledger upgrade --ledger postgresql://host/database
    """  # noqa: D301 - Click reads a real backspace


@command.command("upgrade", short_help="Bring it to the schema of this program.")
@together(LEDGER, LOG_FORMAT, DEBUG)
def upgrade(ledger: str, log_format: str, **_: object) -> int:
    """Bring the ledger to the schema of this program, or make one.

    Every run does this by itself; by hand it is for those who want to choose the moment.
    """
    from bulkq.ledger.location import locate
    from bulkq.ledger.maintenance import upgrade as bring

    warn_of_password(ledger, Messages(as_json=log_format == "json"))
    before, after = asyncio.run(bring(ledger))
    done = "made" if before is None else "is up to date" if before == after else f"upgraded from {before}"
    click.echo(f'ledger "{locate(ledger).shown}" {done}: revision {after}')
    return 0


@command.command("check", short_help="Integrity, revision, rows, size.")
@together(
    LEDGER,
    option("--format", "form", type=Words("text", "json"), default="text", envvar=None, help="For people or programs."),
    LOG_FORMAT,
    DEBUG,
)
def check(ledger: str, form: str, log_format: str, **_: object) -> int:
    """Look at the ledger and change nothing; exit code 1 where something is wrong."""
    from bulkq.ledger.maintenance import check as look

    warn_of_password(ledger, Messages(as_json=log_format == "json"))
    found = asyncio.run(look(ledger))
    click.echo(_json(found) if form == "json" else "\n".join(_text(found)))
    return UNSOUND if found.problems else 0


@command.command("forget", short_help="Drop a run.")
@click.argument("run", type=Text(), metavar="RUN")
@together(
    LEDGER,
    option("--yes", is_flag=True, help="Also a run that could still be resumed."),
    LOG_FORMAT,
    DEBUG,
)
def forget(run: str, ledger: str, *, yes: bool, log_format: str, **_: object) -> int:
    """Drop a run and its spooled parameters. It cannot be resumed, retried or reported any more."""
    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    record, spooled = asyncio.run(_forget(run, ledger, yes=yes))
    for path in spooled:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            messages.say("warning", f'"{path}" is not needed any more but stays: {(error.strerror or "").lower()}')
    if record.mode == "write" and record.state is not RunState.FINISHED:
        messages.say(
            "warning",
            f"the markers of run {record.run} stay in its target: "
            f"delete from bulkq_markers where run = '{record.run}', then the same from bulkq_runs",
        )
    click.echo(f"forgotten: {record.run}")
    return 0


async def _forget(run: str, url: str, *, yes: bool) -> tuple[RunRecord, tuple[str, ...]]:
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        record = await ledger.find(run)
        if record.state is not RunState.FINISHED and not yes:
            raise RefusedError(
                f"run {record.run} has not reached its end and could not be resumed any more: add --yes to forget it"
            )
        return record, await ledger.forget(record.run)
    finally:
        await ledger.close()


def _text(found: Checkup) -> list[str]:
    rows = [
        ("ledger", found.ledger),
        ("revision", found.revision or "none"),
        ("size", f"{found.size_bytes / 1024:,.0f} kB"),
        *((name.replace("_", " "), str(count)) for name, count in found.rows.items()),
        *(("problem", line) for line in found.problems),
        ("state", "damaged or outdated" if found.problems else "sound"),
    ]
    return [f"{name:<13}{value}" for name, value in rows]


def _json(found: Checkup) -> str:
    import json

    return json.dumps(asdict(found), ensure_ascii=False, indent=2)
