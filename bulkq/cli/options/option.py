"""Make an option that several commands share: one name, one meaning, one environment variable, one section of help."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


class SectionOption(click.Option):
    """An option that knows its section of `--help`; "" for the options of a command without sections."""

    def __init__(self, *arguments: Any, section: str = "", **settings: Any) -> None:
        """Take what `click.Option` takes, and the section."""
        super().__init__(*arguments, **settings)
        self.section = section


def option(*names: str, section: str = "", **settings: Any) -> Callable[[F], F]:
    """Return `click.option`, with the variable `BULKQ_` and the long name; `envvar=None` in `settings` means no variable."""
    long = next(name for name in names if name.startswith("--"))
    settings.setdefault("envvar", "BULKQ_" + long.removeprefix("--").replace("-", "_").upper())
    return click.option(*names, cls=SectionOption, section=section, **settings)


def options_of(section: str) -> Callable[..., Callable[[F], F]]:
    """Return `option` for one section of help."""
    return partial(option, section=section)


def typed(ctx: click.Context, name: str) -> bool:
    """Return True if the value of an option stands on the command line, False if it comes from the environment or a file."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator for several; the first is the first in `--help`."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
