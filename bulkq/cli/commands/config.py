"""`bulkq config show [COMMAND]`: print the value of each option and where it comes from."""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from bulkq.cli.help import DocumentedGroup
from bulkq.cli.messages import Messages
from bulkq.cli.options.config_defaults import config_of
from bulkq.cli.options.option import together
from bulkq.cli.options.origins import DEFAULT, RUN, leaves, merged, origins
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.types import CommandText
from bulkq.errors import UsageError
from bulkq.text.tables import align

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.cli.options.origins import OptionOrigin, Value
    from bulkq.model import Target
    from bulkq.targets import Config


@click.group(
    "config",
    cls=DocumentedGroup,
    short_help="Show the value of each option and where it comes from.",
    examples=(
        ("show the options of all commands", "bulkq config show"),
        ("show the options of bulkq run", "bulkq config show run"),
    ),
)
def command() -> None:
    """Show the configuration."""


@command.command(
    "show",
    short_help="Show the value of each option and where it comes from.",
    examples=(
        ("show the options of all commands", "bulkq config show"),
        ("show the options of bulkq run for a program", "bulkq config show run --format json"),
    ),
)
@click.argument("commands", nargs=-1, type=CommandText(), metavar="[COMMAND]...")
@together(FORM, LOG_FORMAT, DEBUG)
@click.pass_context
def show(ctx: click.Context, /, commands: tuple[str, ...], form: str, log_format: str, **_: object) -> int:
    """Show the value that each option has if it is not typed, and where the value comes from.

    The value comes from an environment variable, else from bulkq.toml, else from the default of the option. bulkq resume and
    bulkq retry take some values from the recorded run. A query file can set its own @timeout, @lock_timeout, @retries, @batch
    and @idempotent; they outrank files, but not variables. Passwords are hidden.
    """
    config, messages = config_of(ctx), Messages(as_json=log_format == "json")
    for notice in config.notices:
        messages.say("warning", notice)
    every = list(leaves(ctx.find_root().command, click.Context(ctx.find_root().command, info_name="bulkq")))
    wanted = " ".join(commands)
    chosen = [(path, each) for path, each in every if not wanted or f"{path} ".startswith(f"{wanted} ")]
    if not chosen:
        raise UsageError(f'no such command "{wanted}"{_nearest(wanted, [path for path, _ in every])}')
    found = merged(one for path, each in chosen for one in origins(path, each, config))
    _warn_of_unknown_variables(messages, every)
    click.echo(_json(found, config) if form == "json" else "\n".join(_text(found, config, several=len(chosen) > 1)))
    return 0


def _warn_of_unknown_variables(messages: Messages, every: Sequence[tuple[str, click.Context]]) -> None:
    known = {str(param.envvar) for _, ctx in every for param in ctx.command.params if param.envvar}
    for name in sorted(os.environ):
        if name.startswith("BULKQ_") and name not in known:
            messages.say("warning", f"{name} is set, but no option has this variable{_nearest(name, known)}")


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _text(found: Sequence[OptionOrigin], config: Config, *, several: bool) -> list[str]:
    parted = {one.option for one in found if sum(other.option == one.option for other in found) > 1}
    rows = [("option", "value", "from", "commands" if parted else "")]
    rows += [
        (one.option, _value(one.value), _from(one), ", ".join(one.commands) if several and one.option in parted else "")
        for one in found
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    lines = [
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    files = f"files: {', '.join(config.files) or 'none'}"
    return [files, "", *(line.rstrip() for line in lines), *_target_lines(config)]


def _target_lines(config: Config) -> list[str]:
    """Return what the targets add to the options of every run: their throttles."""
    rows = [
        (f"targets.{one.name}.throttle", ", ".join(one.throttle), _place(one, config)) for one in _throttled(config)
    ]
    return ["", *align([("target", "value", "from"), *rows])] if rows else []


def _throttled(config: Config) -> list[Target]:
    return [target for target in config.targets.values() if target.throttle]


def _place(target: Target, config: Config) -> str:
    return config.throttle_places[target.name]


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ", ".join(value) if isinstance(value, list) else value
    return text or "not set"


def _from(one: OptionOrigin) -> str:
    if one.origin == RUN:
        return "the recorded run"
    return one.place if one.place is not None else DEFAULT


def _json(found: Sequence[OptionOrigin], config: Config) -> str:
    options = [
        {
            "option": one.option,
            "value": one.value,
            "origin": one.origin,
            "place": one.place,
            "commands": list(one.commands),
        }
        for one in found
    ]
    targets = [
        {"name": one.name, "throttle": list(one.throttle), "place": _place(one, config)} for one in _throttled(config)
    ]
    shown = {"files": list(config.files), "options": options, "targets": targets}
    return json.dumps(shown, ensure_ascii=False, indent=2)
