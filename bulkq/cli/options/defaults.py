"""`--config`, and how `[defaults]` of a configuration become defaults of options: by Click's own `default_map`.

Click then prefers the command line and the environment, converts the text by the option's own type, and
`ctx.get_parameter_source` tells where a value came from, so that a query file can outrank a default but not an option.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bulkq.errors import UsageError, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.targets import Config, DefaultSetting

META = "bulkq.config"
"""Key of the configuration in `click.Context.meta`."""

NAMED = "bulkq.config.named"
"""Key of the value of `--config` while the shell completes a word."""

PERSONAL = frozenset({"config", "confirm"})
"""Options that no file may answer for whoever types the command."""


def read_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001 - Click's signature
    """Read the configuration before any other option is looked at. The callback of `--config`.

    Raises:
        UsageError: a file cannot be understood, or a default cannot be one.
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
    """The configuration of a command."""
    config: Config = ctx.meta[META]
    return config


def named_config(ctx: click.Context) -> Config | None:
    """The configuration that was named by `--config`; None where one was only looked for."""
    return config_of(ctx) if given(ctx, "config") else None


def given(ctx: click.Context, name: str) -> bool:
    """Whether an option was given by whoever started the command: typed, or in the environment, but not in a file."""
    return ctx.get_parameter_source(name) in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}


def said(ctx: click.Context, name: str) -> bool:
    """Whether anybody gave an option: whoever started the command, or a configuration."""
    return given(ctx, name) or ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def default_map(defaults: Mapping[str, DefaultSetting]) -> dict[str, object]:
    """What Click takes for `ctx.default_map`, by the names of parameters.

    Raises:
        UsageError: a line, with `file:line`, for each name that is no option and each value that its option refuses.
    """
    known = common_options()
    made: dict[str, object] = {}
    errors: list[str] = []
    for name, setting in defaults.items():
        if name in PERSONAL:
            errors.append(f"{setting.place}: defaults.{name} is for whoever types the command: take it out")
            continue
        if name not in known:
            from bulkq.text.messages import suggestion_or_names

            errors.append(f'{setting.place}: unknown key "defaults.{name}"{suggestion_or_names(name, known)}')
            continue
        option = known[name]
        try:
            made[option.name or name] = _value(option, setting.value)
        except ValueError as error:
            errors.append(f"{setting.place}: defaults.{name} {error}")
    if errors:
        raise together(UsageError, errors)
    return made


def common_options() -> dict[str, click.Option]:
    """Every option that may have a default in a file, by its long name: those that have an environment variable too."""
    from bulkq.cli import COMMANDS

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
    """`value` as Click takes it, once the option's type has taken it; ValueError with the complaint."""
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
        raise ValueError("must be text or a number")  # noqa: TRY004 - a complaint about what stands in a file
    return str(value)
