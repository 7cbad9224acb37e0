"""`bulkq ledger upgrade|check|forget`: upgrade or check the ledger, or remove a run from it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkq.cli.help import DocumentedGroup
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import some_targets
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.safety import FORGET, LEDGER, warn_of_password
from bulkq.cli.options.targets import TARGET
from bulkq.cli.options.types import RunText
from bulkq.model import RunState

if TYPE_CHECKING:
    from bulkq.ledger.upgrade_and_check import Checkup

UNSOUND = 1


@click.group(
    "ledger",
    cls=DocumentedGroup,
    short_help="Upgrade or check the ledger, or remove a run from it.",
    examples=(
        ("check the ledger", "bulkq ledger check"),
        ("upgrade a shared ledger", "bulkq ledger upgrade --ledger postgresql://host/database"),
        ("remove a run", "bulkq ledger forget 01kb4x"),
    ),
)
def command() -> None:
    """Maintain the ledger, the record of runs."""


@command.command("upgrade", short_help="Upgrade the ledger to the schema of this version.")
@together(LEDGER, LOG_FORMAT, DEBUG)
def upgrade(ledger: str, log_format: str, **_: object) -> int:
    """Upgrade the ledger to the schema of this version of bulkq, or create it.

    Each run upgrades the ledger by itself. Use this command to choose the time of the upgrade.
    """
    from bulkq.ledger.location import locate
    from bulkq.ledger.upgrade_and_check import upgrade_ledger as bring

    warn_of_password(ledger, Messages(as_json=log_format == "json"))
    before, after = asyncio.run(bring(ledger))
    done = "made" if before is None else "is up to date" if before == after else f"upgraded from {before}"
    click.echo(f'ledger "{locate(ledger).shown}" {done}: revision {after}')
    return 0


@command.command("check", short_help="Check the ledger; show its revision and size.")
@together(
    LEDGER,
    FORM,
    LOG_FORMAT,
    DEBUG,
)
def check(ledger: str, form: str, log_format: str, **_: object) -> int:
    """Check the ledger without changing it. Exit code 1: the ledger has a problem."""
    from bulkq.ledger.upgrade_and_check import check_ledger as look

    warn_of_password(ledger, Messages(as_json=log_format == "json"))
    found = asyncio.run(look(ledger))
    click.echo(_json(found) if form == "json" else "\n".join(_text(found)))
    return UNSOUND if found.problems else 0


@command.command("forget", short_help="Remove a run.")
@click.argument("run", type=RunText(), metavar="RUN")
@together(
    LEDGER,
    TARGET,
    FORGET,
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def forget(
    ctx: click.Context, /, run: str, ledger: str, target: tuple[str, ...], *, yes: bool, log_format: str, **_: object
) -> int:
    """Remove a run and its spooled parameters from the ledger. It can no longer be resumed, retried or reported.

    Of a backfill with --capture, what it kept of its rows is removed from its targets too, so it can no longer be undone.
    """
    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    from bulkq.tasks.forget import forget as remove

    changes = {"targets": some_targets(target, ctx)} if target else {}
    record, spooled, left = asyncio.run(remove(run, ledger=ledger, changes=changes, config=named_config(ctx), yes=yes))
    for text in left:
        messages.say("warning", text)
    for path in spooled:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            messages.say(
                "warning", f'cannot delete "{path}", which is no longer needed: {(error.strerror or "").lower()}'
            )
    if record.mode == "write" and record.state is not RunState.FINISHED:
        messages.say(
            "warning",
            f"the markers of run {record.run} remain in its target. To remove them: "
            f"delete from bulkq_markers where run = '{record.run}', then the same from bulkq_runs",
        )
    click.echo(f"forgotten: {record.run}")
    return 0


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
