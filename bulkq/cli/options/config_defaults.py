"""Read `--config`, and turn `[defaults]` of a configuration into Click's `default_map`.

Click prefers the command line and the environment to `default_map`, and converts its text by the type of the option.
`ctx.get_parameter_source` returns the origin of a value, so that a query file outranks a file but not an option.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bulkq.errors import UsageError, join_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.targets import Config, DefaultSetting

META = "bulkq.cli.options.config_defaults.config"
"""Key of the configuration in `click.Context.meta`."""

NAMED = "bulkq.cli.options.config_defaults.named"
"""Key of the value of `--config` while the shell completes a word."""

PERSONAL = frozenset({"config", "confirm"})
"""Options that cannot be set in a file."""


def read_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001 - Click's signature
    """Read the configuration before Click reads other options. The callback of `--config`.

    Raises:
        UsageError: a file or a default in it is not valid.
    """
    if ctx.resilient_parsing:  # the shell completes a word, which must not fail
        ctx.meta[NAMED] = value
        return
    from bulkq.targets import load_config

    config = load_config(value)
    ctx.meta[META] = config
    if config.defaults:
        ctx.default_map = default_map(config.defaults)


def config_of(ctx: click.Context) -> Config:
    """Return the configuration of a command."""
    config: Config = ctx.meta[META]
    return config


def named_config(ctx: click.Context) -> Config | None:
    """Return the configuration if `--config` names it; None if bulkq searched for it."""
    return config_of(ctx) if given(ctx, "config") else None


def given(ctx: click.Context, name: str) -> bool:
    """Return True if the command line or the environment sets an option, False if only a file does."""
    return ctx.get_parameter_source(name) in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}


def said(ctx: click.Context, name: str) -> bool:
    """Return True if the command line, the environment or a file sets an option."""
    return given(ctx, name) or ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def default_map(defaults: Mapping[str, DefaultSetting]) -> dict[str, object]:
    """Return the value for `ctx.default_map`, by parameter name.

    Raises:
        UsageError: one line, with `file:line`, for each unknown name and each value that is not valid.
    """
    known = common_options()
    made: dict[str, object] = {}
    errors: list[str] = []
    for name, setting in defaults.items():
        if name in PERSONAL:
            errors.append(f"{setting.place}: defaults.{name} cannot be set in a file: remove it and type --{name}")
            continue
        if name not in known:
            from bulkq.text.message_parts import suggestion_or_names

            errors.append(f'{setting.place}: unknown key "defaults.{name}"{suggestion_or_names(name, known)}')
            continue
        option = known[name]
        try:
            made[option.name or name] = _value(option, setting.value)
        except ValueError as error:
            errors.append(f"{setting.place}: defaults.{name} {error}")
    if errors:
        raise join_errors(UsageError, errors)
    return made


def common_options() -> dict[str, click.Option]:
    """Return the options that a file can set, by long name: those with an environment variable."""
    from bulkq.cli.commands import COMMANDS

    known: dict[str, click.Option] = {}
    for module, _ in COMMANDS.values():
        for option in _options(import_module(module).command):
            long = max(option.opts, key=len).removeprefix("--")
            if option.envvar and long not in PERSONAL:
                known.setdefault(long, option)
    return known


def _options(command: click.Command) -> Iterator[click.Option]:
    yield from (param for param in command.params if isinstance(param, click.Option))
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _options(inner)


def _value(option: click.Option, value: object) -> object:
    """Return `value` in the form of `default_map`; ValueError with the message if the option does not accept it."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    values = value if isinstance(value, list) and option.multiple else [value]
    texts = [_text(one) for one in values]
    for text in texts:
        try:
            option.type.convert(text, option, None)
        except click.BadParameter as error:
            raise ValueError(error.message) from None
    return texts if option.multiple else texts[0]


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be text or a number")  # noqa: TRY004 - an error in a file
    return str(value)
