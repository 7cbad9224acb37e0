"""The value of each option of a command, and where it comes from: a default, a file, an environment variable, a recorded run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bulkq.cli.options.config_defaults import default_map
from bulkq.cli.options.recorded_run_options import RUN_FIELDS
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.urls import hide_passwords, redact_urls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkq.targets import Config

DEFAULT = "default"
FILE = "file"
ENVIRONMENT = "environment"
RUN = "run"

OF_THE_RUN = {"target", *RUN_FIELDS}
"""Options that `resume` and `retry` take from the recorded run and not from files or the environment."""

Value = str | bool | list[str] | None


@frozen
class OptionOrigin:
    """An option with its value as it would be typed, passwords hidden."""

    option: str  # --lock-timeout
    value: Value
    origin: str  # DEFAULT, FILE, ENVIRONMENT or RUN
    place: str | None  # bulkq.toml:7, BULKQ_LOCK_TIMEOUT
    commands: tuple[str, ...]


def leaves(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Yield the commands below `command` that are not groups: the words that call each, and its context."""
    if not isinstance(command, click.Group):
        yield ctx.command_path.partition(" ")[2], ctx
        return
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        assert inner is not None
        yield from leaves(inner, click.Context(inner, info_name=name, parent=ctx))


def origins(path: str, ctx: click.Context, config: Config) -> list[OptionOrigin]:
    """Return the options of one command.

    Args:
        path: the words that call the command.
        ctx: the context of the command; gets the configuration's defaults.
        config: the configuration.

    Raises:
        UsageError: a default of the configuration is not valid.
        click.BadParameter: an environment variable is not valid.
    """
    ctx.default_map = default_map(config.defaults)
    options = [param for param in ctx.command.params if isinstance(param, click.Option) and param.opts != ["-h"]]
    return [_origin(path, option, ctx, config) for option in options]


def merged(found: Iterable[OptionOrigin]) -> list[OptionOrigin]:
    """Return each option once for each value and origin, with all commands that it has there; in the order of the options."""
    by_option: dict[str, list[OptionOrigin]] = {}
    for one in found:
        known = by_option.setdefault(one.option, [])
        for at, other in enumerate(known):
            if (other.value, other.origin, other.place) == (one.value, one.origin, one.place):
                known[at] = replace(other, commands=(*other.commands, *one.commands))
                break
        else:
            known.append(one)
    return [one for known in by_option.values() for one in known]


def _origin(path: str, option: click.Option, ctx: click.Context, config: Config) -> OptionOrigin:
    long = max(option.opts, key=len)
    if path in {"resume", "retry"} and option.name in OF_THE_RUN:
        return OptionOrigin(long, None, RUN, None, (path,))
    value, source = option.consume_value(ctx, {})
    assert option.name is not None
    ctx.set_parameter_source(option.name, source)
    given = source in {ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP}
    read = option.type_cast_value(ctx, value) if given else value
    shown = read is True if option.is_flag else _shown(value, several=option.multiple)
    if source is ParameterSource.ENVIRONMENT:
        return OptionOrigin(long, shown, ENVIRONMENT, str(option.envvar), (path,))
    setting = config.defaults.get(long.removeprefix("--")) if source is ParameterSource.DEFAULT_MAP else None
    if setting is not None:
        return OptionOrigin(long, shown, FILE, setting.place, (path,))
    return OptionOrigin(long, shown, DEFAULT, None, (path,))


def _shown(value: object, *, several: bool) -> Value:
    if several:
        return [_hidden(one) for one in _each(value)]
    return _hidden(value) if isinstance(value, (str, int, float)) else None


def _each(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else [value] if isinstance(value, str) else []


def _hidden(value: object) -> str:
    return redact_urls(hide_passwords(str(value)))
