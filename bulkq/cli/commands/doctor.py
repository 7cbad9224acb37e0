"""`bulkq doctor`: print what bulkq finds out about a target."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bulkq import __version__
from bulkq.cli.display.shared_plan_lines import settings_text
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import WORST_FIRST, executor_of, named, some_targets, warn_of_password
from bulkq.cli.options.limits import EXECUTOR
from bulkq.cli.options.option import together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.targets import TARGET
from bulkq.drivers import LIBRARIES
from bulkq.errors import BulkqError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import ExecutorChoice, Server, Target
    from bulkq.tasks.doctor import Diagnosis

SHOWN = (*LIBRARIES, "sqlglot", "click", "rich")
"""Distributions whose versions are printed."""


@click.command(
    "doctor",
    cls=DocumentedCommand,
    short_help="Show what a target is and what it permits.",
    examples=(
        ("examine a target", "bulkq doctor -t postgresql://host/database"),
        ("examine all targets whose names match", "bulkq doctor -t 'eu-*'"),
    ),
)
@together(
    TARGET,
    EXECUTOR,
    FORM,
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def command(
    ctx: click.Context, /, target: tuple[str, ...], executor: str | None, form: str, log_format: str, **_: object
) -> int:
    """Connect to a target and show what it is: driver, version, TLS, pooler, privileges, free connections.

    With --executor, each worker connects to each target instead.

    bulkq examines several targets one after the other. To connect to many at the same time, use bulkq targets test.
    """
    from bulkq.tasks.doctor import examine

    messages = Messages(as_json=log_format == "json")
    warn_of_password(target, ctx, messages)
    found = some_targets(target, ctx)
    choice = executor_of(executor, ctx)
    if choice is not None:
        return asyncio.run(_workers(choice, found, form))
    if len(found) == 1:
        diagnosis = asyncio.run(examine(found[0]))
        click.echo(_json(_record(diagnosis)) if form == "json" else "\n".join(_text(diagnosis)))
        return 0
    return asyncio.run(_several(found, form, messages))


async def _workers(choice: ExecutorChoice, targets: Sequence[Target], form: str) -> int:
    """Print what each worker finds, and return the exit code of the worst."""
    from bulkq.tasks.doctor import examine_workers

    found = await examine_workers(choice, targets)
    if form == "json":
        click.echo(
            _json(
                [
                    {
                        "worker": one.worker,
                        "target": one.target,
                        "server": None if one.server is None else asdict(one.server),
                        "error": None if one.error is None else str(one.error),
                    }
                    for one in found
                ]
            )
        )
    else:
        for one in found:
            what = f"{one.server.product} {one.server.version}" if one.server is not None else f"error: {one.error}"
            click.echo(f"worker {one.worker}: {one.target}: {what}")
    codes = {one.error.exit_code for one in found if one.error is not None}
    return next((code for code in WORST_FIRST if code in codes), 0)


async def _several(targets: Sequence[Target], form: str, messages: Messages) -> int:
    """Examine each target, print an error line for each that cannot be reached, and return the exit code of the worst."""
    from bulkq.tasks.doctor import examine

    records: list[dict[str, object]] = []
    codes: set[int] = set()
    for target in targets:
        try:
            diagnosis = await examine(target)
        except BulkqError as error:
            codes.add(error.exit_code)
            messages.say("error", str(named(error, target)))
            continue
        records.append(_record(diagnosis))
        if form == "text":
            click.echo("\n".join([*([""] if len(records) > 1 else []), *_text(diagnosis)]))
    if form == "json":
        click.echo(_json(records))
    return next((code for code in WORST_FIRST if code in codes), 0)


def _text(diagnosis: Diagnosis) -> list[str]:
    server, able = diagnosis.server, diagnosis.capabilities
    rows = [
        ("target", diagnosis.target),
        ("driver", f"{able.name} {_version(able.name)}".strip()),
        ("server", f"{server.product} {server.version}"),
        ("session", _session(server)),
        ("tls", server.tls or "not needed"),
        ("pooler", "transaction mode" if server.pooled else "none"),
        ("role", "standby, read only" if server.in_recovery else "primary"),
        ("connections", _connections(server)),
        ("settings", settings_text(server)),
        ("capabilities", ", ".join(_capabilities(diagnosis))),
        ("bulkq", __version__),
        ("python", _python()),
        ("libraries", ", ".join(f"{name} {_version(name) or 'not installed'}" for name in SHOWN)),
    ]
    lines = [f"{name:<13}{value}" for name, value in rows if value]
    return [*lines, *(f"note         {line}" for line in diagnosis.advice)]


def _session(server: Server) -> str:
    parts = [
        f'database "{server.database}"' if server.database else "",
        f'user "{server.user}"' + (" (superuser)" if server.superuser else "") if server.user else "",
        f"server process {server.pid}" if server.pid else "",
    ]
    return ", ".join(part for part in parts if part)


def _connections(server: Server) -> str:
    if server.free_connections is None:
        return ""
    return f"{server.free_connections} free" + (f" of {server.max_connections}" if server.max_connections else "")


def _capabilities(diagnosis: Diagnosis) -> list[str]:
    flags = asdict(diagnosis.capabilities)
    able = [name.replace("_", " ") for name, value in flags.items() if value is True] or ["none"]
    return able if diagnosis.capabilities.cancels else [*able, "cancel=no"]


def _json(found: object) -> str:
    import json

    return json.dumps(found, ensure_ascii=False, indent=2)


def _record(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "target": diagnosis.target,
        "driver": asdict(diagnosis.capabilities),
        "server": asdict(diagnosis.server),
        "notes": diagnosis.advice,
        "bulkq": __version__,
        "python": _python(),
        "libraries": {name: _version(name) for name in SHOWN},
    }


def _python() -> str:
    import platform

    return platform.python_version()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    try:
        return version(package)
    except PackageNotFoundError:  # psycopg2 may have come with psycopg2-binary
        return next(map(version, packages_distributions().get(package, ())), "")
