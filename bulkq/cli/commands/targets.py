"""`bulkq targets list|test`: list the targets of bulkq.toml, and connect to them."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from bulkq.cli.help import DocumentedGroup
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import WORST_FIRST, some_targets
from bulkq.cli.options.config_defaults import config_of
from bulkq.cli.options.limits import CONCURRENCY
from bulkq.cli.options.option import together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.types import TargetText
from bulkq.errors import UsageError
from bulkq.text.tables import align_named
from bulkq.text.urls import leave_out_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Secret, Server, Target
    from bulkq.targets import Config
    from bulkq.tasks.ping import Visit

COLUMNS = ("name", "url", "groups", "tags", "protected", "throttle", "password", "expect")
AT_ONCE = 32
CONNECTIONS = CONCURRENCY(
    default=AT_ONCE,
    show_default=True,
    metavar="N",
    help="Maximum number of targets that bulkq connects to at the same time.",
)
NAMES = click.argument("names", nargs=-1, type=TargetText(), metavar="[NAME]...")


@click.group(
    "targets",
    cls=DocumentedGroup,
    short_help="List the targets of bulkq.toml, or connect to each.",
    examples=(
        ("list all targets", "bulkq targets list"),
        ("connect to some of them", "bulkq targets test 'eu-*' tag:replica"),
    ),
)
def command() -> None:
    """List the targets of bulkq.toml, or connect to each."""


@command.command("list", short_help="List names, URLs, groups and tags.")
@together(NAMES, FORM, LOG_FORMAT, DEBUG)
@click.pass_context
def listing(ctx: click.Context, /, names: tuple[str, ...], form: str, log_format: str, **_: object) -> int:
    """List the name, the URL without its password, groups and tags of each target, or of each NAME. bulkq does not connect."""
    found = _wanted(ctx, names, log_format)
    config = config_of(ctx)
    rows = [_row(target, config) for target in found]
    if form == "json":
        click.echo(json.dumps([_record(target, config) for target in found], ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_table(rows)))
    return 0


@command.command("test", short_help="Connect to each target and show what it is.")
@together(NAMES, CONNECTIONS, FORM, LOG_FORMAT, DEBUG)
@click.pass_context
def trying(
    ctx: click.Context, /, names: tuple[str, ...], concurrency: int | None, form: str, log_format: str, **_: object
) -> int:
    """Connect to each target, or to each NAME, and show what it is or why the connection failed.

    bulkq looks up passwords and compares expectations, but executes no query. Exit code: 3 if a target cannot be reached, 4
    if a target is not the expected database.
    """
    found = _wanted(ctx, names, log_format)
    return asyncio.run(_try(found, concurrency or AT_ONCE, form))


def _wanted(ctx: click.Context, names: tuple[str, ...], log_format: str) -> tuple[Target, ...]:
    config, messages = config_of(ctx), Messages(as_json=log_format == "json")
    for notice in config.notices:
        messages.say("warning", notice)
    if names:
        return some_targets(names, ctx)
    if not config.targets:
        where = (
            f"{config.files[0]} names no targets"
            if config.files
            else "no bulkq.toml in this folder, above it, or in ~/.config/bulkq"
        )
        raise UsageError(f'{where}: write [targets.NAME] with url = "postgresql://user@host/database"')
    return tuple(config.targets.values())


# --- list -----------------------------------------------------------------------------------------------------------


def _row(target: Target, config: Config) -> dict[str, str]:
    return {
        "name": target.name or "",
        "url": leave_out_password(target.url),
        "groups": ", ".join(_groups(target, config)),
        "tags": ", ".join(target.tags),
        "protected": "protected" if target.protected else "",
        "throttle": ", ".join(target.throttle),
        "password": _source(target.password),
        "expect": ", ".join(f"{key}={value}" for key, value in target.expect.items()),
    }


def _groups(target: Target, config: Config) -> tuple[str, ...]:
    from bulkq.targets.selection import groups_of

    return groups_of(target.name, config)


def _record(target: Target, config: Config) -> dict[str, object]:
    return {
        "name": target.name or None,
        "url": leave_out_password(target.url),
        "groups": list(_groups(target, config)),
        "tags": list(target.tags),
        "protected": target.protected,
        "concurrency": target.concurrency,
        "password": _source(target.password) or None,
        "expect": dict(target.expect),
        "throttle": list(target.throttle),
        "place": config.places.get(target.name),
    }


def _source(secret: Secret | None) -> str:
    """Return where the password comes from; only `command` for a command, because its arguments may be secret."""
    if secret is None:
        return ""
    return f"env {secret.env}" if secret.env else f"file {secret.file}" if secret.file else "command"


def _table(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return the lines of a table, without empty columns."""
    return align_named(rows, [name for name in COLUMNS if any(row[name] for row in rows)])


# --- test -----------------------------------------------------------------------------------------------------------


async def _try(targets: Sequence[Target], at_once: int, form: str) -> int:
    from bulkq.tasks.ping import visit_all

    visits: list[Visit] = []
    width = max(len(_shown(target)) for target in targets)
    async with aclosing(visit_all(targets, at_once=at_once)) as every:
        async for visit in every:
            visits.append(visit)
            if form == "text":
                click.echo(f"{_shown(visit.target).ljust(width)}  {_said(visit)}")
    if form == "json":
        click.echo(json.dumps([_visited(visit) for visit in visits], ensure_ascii=False, indent=2))
    codes = {visit.error.exit_code for visit in visits if visit.error is not None}
    return next((code for code in WORST_FIRST if code in codes), 0)


def _shown(target: Target) -> str:
    return target.name or leave_out_password(target.url)


def _said(visit: Visit) -> str:
    took = f"{visit.elapsed_s * 1000:6.0f} ms"
    if visit.server is None:
        return f"failed  {took}  {visit.error}"
    return f"ok      {took}  {_server(visit.server)}"


def _server(server: Server) -> str:
    words = [f"{server.product} {server.version}"]
    words += [f"tls {server.tls}"] if server.tls else []
    words += ["through a pooler"] if server.pooled else []
    words += ["standby"] if server.in_recovery else []
    return ", ".join(words)


def _visited(visit: Visit) -> dict[str, object]:
    server = visit.server
    return {
        "name": visit.target.name or None,
        "url": leave_out_password(visit.target.url),
        "ok": server is not None,
        "elapsed_ms": round(visit.elapsed_s * 1000, 1),
        "product": server.product if server else None,
        "version": server.version if server else None,
        "tls": (server.tls or None) if server else None,
        "in_recovery": server.in_recovery if server else None,
        "error": str(visit.error) if visit.error is not None else None,
        "exit": visit.error.exit_code if visit.error is not None else 0,
    }
