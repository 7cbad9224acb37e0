"""The values that a shell completes: paths, query names, targets, run ids. Each function returns [] where it cannot tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from bulkq.errors import BulkqError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import click

    from bulkq.model import Query
    from bulkq.targets import Config

FILE = [CompletionItem("", type="file")]
"""Let the shell complete a path."""

MOST_RUNS = 30
LEDGER_TIMEOUT_S = 1.5
"""For a ledger on a PostgreSQL server: a user who waits for a word gives up soon."""


def word_items(words: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    """Return the words that start with `incomplete`."""
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def list_items(words: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    """Return completions of the last word of a list with commas, without the words that stand before it."""
    head, comma, last = incomplete.rpartition(",")
    taken = head.split(",")
    return [CompletionItem(f"{head}{comma}{word}") for word in words if word.startswith(last) and word not in taken]


def path_items(incomplete: str, prefix: str = "") -> list[CompletionItem[str]]:
    """Return the paths that start with `incomplete`, folders with a slash at the end, each after `prefix`."""
    folder, _, start = incomplete.rpartition("/")
    head = f"{folder}/" if "/" in incomplete else ""
    try:
        with os.scandir(Path(head or ".").expanduser()) as entries:
            names = sorted(f"{entry.name}{'/' if entry.is_dir() else ''}" for entry in entries)
    except (OSError, ValueError):
        return []
    found = [name for name in names if name.startswith(start) and (start.startswith(".") or not name.startswith("."))]
    return [CompletionItem(f"{prefix}{head}{name}") for name in found]


def question_items(incomplete: str) -> list[CompletionItem[str]]:
    """Return the names of the ready questions that start with `incomplete`."""
    from bulkq.tasks.diag.questions import names

    return word_items(names(), incomplete)


def query_items(incomplete: str, prefix: str = "") -> list[CompletionItem[str]]:
    """Return `FILE:NAME` for each query of `FILE:`; without a colon, let the shell complete the path.

    Args:
        incomplete: what was typed, without `prefix`.
        prefix: stands before the path, as the "@" of `-p @FILE:NAME`.
    """
    file, colon, start = incomplete.rpartition(":")
    if not colon:
        return path_items(incomplete, prefix) if prefix else FILE
    return [CompletionItem(f"{prefix}{file}:{name}") for name in _query_names(file) if name.startswith(start)]


def parameter_items(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return `NAME=` for each parameter of the queries on the command line.

    Click leaves the files in `ctx.args`, because the option in front of the cursor has no value yet.
    """
    names = dict.fromkeys(parameter.name for query in _queries(ctx.args) for parameter in query.parameters)
    return [CompletionItem(f"{name}=") for name in names if name.startswith(incomplete)]


def target_items(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return the names of targets and groups, and the beginnings of URLs; after `sqlite:///`, paths."""
    from bulkq.drivers import FILE_URL, URLS

    if incomplete.startswith(FILE_URL):
        return path_items(incomplete.removeprefix(FILE_URL), FILE_URL)
    from bulkq.text.urls import hide_passwords

    config = _config(ctx)
    notes: dict[str, str] = {}
    if config is not None:
        notes |= {name: hide_passwords(target.url) for name, target in config.targets.items()}
        notes |= {name: f"group of {', '.join(texts)}" for name, texts in config.groups.items()}
        notes |= {f"tag:{tag}": "all targets with the tag" for one in config.targets.values() for tag in one.tags}
    notes |= URLS
    return [CompletionItem(name, help=note) for name, note in notes.items() if name.startswith(incomplete)]


def table_items(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return the names of the tables on the first target of the command line; none if a command gives its password."""
    import asyncio

    from bulkq.drivers import dialect_of
    from bulkq.lifecycle.backfill.describe_table import table_names
    from bulkq.targets import load_config, open_target, resolve_targets

    target = resolve_targets(ctx.params["target"], _config(ctx) or load_config())[0]

    async def read() -> list[str]:
        async with asyncio.timeout(LEDGER_TIMEOUT_S):
            connection = await open_target(target, application_name="bulkq", read_only=True).connect()
            try:
                return await table_names(connection, dialect_of(target.url))
            finally:
                await connection.close()

    asks = target.password is not None and target.password.command is not None  # which may ask the user in turn
    return [] if asks else word_items(asyncio.run(read()), incomplete)


def run_items(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return the ids of the newest runs of the ledger, with mode, status and name."""
    import asyncio

    from bulkq.ledger.newest_runs import newest_runs

    async def read() -> list[CompletionItem[str]]:
        async with asyncio.timeout(LEDGER_TIMEOUT_S):
            runs = await newest_runs(_ledger(ctx), MOST_RUNS)
        return [CompletionItem(one.run, help=one.described) for one in runs if one.run.startswith(incomplete.lower())]

    return asyncio.run(read())


def control_items(words: Sequence[str], incomplete: str) -> list[CompletionItem[str]]:
    """Return what may follow `words` of `bulkq ctl`: live runs and commands, or the settings of `set` and `get`."""
    from bulkq.policy.changeable_settings import KEYS
    from bulkq.policy.control_request import COMMANDS

    rest = list(words)
    if rest and rest[0] not in COMMANDS:
        rest.pop(0)
    if rest:
        end = {"set": "=", "get": ""}.get(rest[0])
        return [] if end is None else word_items((f"{key}{end}" for key in KEYS), incomplete)
    runs = [] if words else word_items(_live_runs(), incomplete)
    return [*runs, *(CompletionItem(name, help=note) for name, note in COMMANDS.items() if name.startswith(incomplete))]


def _live_runs() -> list[str]:
    """Return the ids of the live runs of this user on this machine."""
    from bulkq.control.client import live_runs
    from bulkq.lifecycle.live_control import state_folder

    return sorted(live_runs(state_folder()))


def _query_names(file: str) -> list[str]:
    """Return the names of the queries in a file; a file without name lines has one query with the name of the file."""
    from bulkq.query.headers import listed_names

    path = Path(file).expanduser()
    try:
        return listed_names(path.read_text("utf-8-sig", "replace")) or [path.stem]
    except OSError:
        return []


def _queries(files: Sequence[str]) -> list[Query]:
    """Return the queries of files, as far as they can be read."""
    from bulkq.dialects import DEFAULT
    from bulkq.lifecycle.query_files import load_all, split_spec

    paths = [split_spec(file)[0] for file in files]
    return load_all([path for path in paths if Path(path).is_file()], DEFAULT)[0]


def _config(ctx: click.Context) -> Config | None:
    from bulkq.cli.options.config_defaults import NAMED
    from bulkq.targets import load_config

    try:
        return load_config(ctx.meta.get(NAMED))
    except (BulkqError, OSError):
        return None


def _ledger(ctx: click.Context) -> str:
    """Return the ledger of the command line, the environment or the configuration."""
    from click.core import ParameterSource

    given = str(ctx.params.get("ledger") or "auto")
    config = _config(ctx) if ctx.get_parameter_source("ledger") is ParameterSource.DEFAULT else None
    setting = config.defaults.get("ledger") if config is not None else None
    return str(setting.value) if setting is not None else given
