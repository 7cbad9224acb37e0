"""`bulkq doctor`: what a target is, printed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bulkq import __version__
from bulkq.cli.messages import Messages
from bulkq.cli.options import DEBUG, LOG_FORMAT, TARGET, option, together
from bulkq.cli.request import one_target, warn_of_password
from bulkq.cli.types import Words

if TYPE_CHECKING:
    from bulkq.model import Server
    from bulkq.tasks.doctor import Diagnosis

LIBRARIES = ("asyncpg", "aiosqlite", "sqlalchemy", "sqlglot", "click", "rich")


@click.command("doctor", short_help="What a target is, and what it lets you do.")
@together(
    TARGET,
    option("--format", "form", type=Words("text", "json"), default="text", envvar=None, help="For people or programs."),
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def command(ctx: click.Context, /, target: tuple[str, ...], form: str, log_format: str, **_: object) -> int:
    """Connect to a target and say what it is: driver, version, TLS, pooler, privileges, free connections.

    \b
    bulkq doctor -t postgresql://host/database
    """  # noqa: D301 - Click reads a real backspace
    from bulkq.tasks.doctor import examine

    warn_of_password(target, ctx, Messages(as_json=log_format == "json"))
    diagnosis = asyncio.run(examine(one_target(target, ctx)))
    click.echo(_json(diagnosis) if form == "json" else "\n".join(_text(diagnosis)))
    return 0


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
        ("capabilities", ", ".join(_capabilities(diagnosis))),
        ("bulkq", __version__),
        ("python", _python()),
        ("libraries", ", ".join(f"{name} {_version(name) or 'not installed'}" for name in LIBRARIES)),
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
    return [name.replace("_", " ") for name, value in flags.items() if value is True] or ["none"]


def _json(diagnosis: Diagnosis) -> str:
    import json

    record = {
        "target": diagnosis.target,
        "driver": asdict(diagnosis.capabilities),
        "server": asdict(diagnosis.server),
        "notes": diagnosis.advice,
        "bulkq": __version__,
        "python": _python(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }
    return json.dumps(record, ensure_ascii=False, indent=2)


def _python() -> str:
    import platform

    return platform.python_version()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
