"""The help of a command: options in sections, examples at the end, and a short form with the options to start with."""

from __future__ import annotations

from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from bulkq.cli.options.option import SectionOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SECTIONS = ("Queries", "Parameter sets", "Targets", "Limits", "Safety", "Output")
"""The sections of help, in order; `bulkq/cli/options/` has a module for each."""

OTHER = "Other options"
"""The section of the options that belong to none of `SECTIONS`."""

Example = tuple[str, str]
"""What a command line does, and the command line."""


def _read_option(parser: Any, long_first: Callable[[str, Any], None], argument: str, state: Any) -> None:
    """Read an option as `long_first` does, without the search for an option whose name is not there."""
    if argument[:2] in parser._opt_prefixes or argument.partition("=")[0] in parser._long_opt:  # noqa: SLF001
        long_first(argument, state)
    else:
        parser._match_short_opt(argument, state)  # noqa: SLF001


class DocumentedCommand(click.Command):
    """A command with sections and examples in its help; `-h` prints only the options to start with, if it has any."""

    def __init__(
        self, *arguments: Any, examples: Sequence[Example] = (), start: Sequence[str] = (), **settings: Any
    ) -> None:
        """Take what `click.Command` takes.

        Args:
            arguments: see `click.Command`.
            examples: printed at the end of the help.
            start: names of the parameters that `-h` prints. If given, `--help` prints sections.
            settings: see `click.Command`.
        """
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)
        self.start = tuple(start)
        if start:
            self.params.append(_short_help())

    def make_parser(self, ctx: click.Context) -> Any:
        """Make the parser of Click, which reads `-t` as a short option at once.

        Click's own looks for a long option `-t` first, and for names like it, which takes a module and milliseconds for each option.
        """
        parser: Any = super().make_parser(ctx)
        if all(hasattr(parser, name) for name in ("_process_opts", "_match_short_opt", "_long_opt", "_opt_prefixes")):
            parser._process_opts = partial(_read_option, parser, parser._process_opts)  # noqa: SLF001
        return parser

    def sections(self, ctx: click.Context) -> list[tuple[str, list[click.Option]]]:
        """Return the options by section of help, without empty sections."""
        found: dict[str, list[click.Option]] = {name: [] for name in (*SECTIONS, OTHER)}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and not param.hidden:
                section = param.section if isinstance(param, SectionOption) else ""
                found[section or OTHER].append(param)
        return [(name, options) for name, options in found.items() if options]

    def first_options(self) -> list[click.Option]:
        """Return the options to start with, in the order of `start`."""
        known = {param.name: param for param in self.params if isinstance(param, click.Option)}
        return [known[name] for name in self.start]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: in sections if there are some to start with, else in one list."""
        if not self.start:
            super().format_options(ctx, formatter)
            return
        for name, options in self.sections(ctx):
            _write_options(ctx, formatter, name, options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)

    def get_short_help(self, ctx: click.Context) -> str:
        """Return the text of `-h`: usage, the options to start with, examples, and how to see the others."""
        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        first = cleandoc(self.help or "").partition("\n\n")[0]
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(first)
        _write_options(ctx, formatter, "Options to start with", self.first_options())
        _write_examples(formatter, self.examples)
        formatter.write_paragraph()
        formatter.write_text(f"{ctx.command_path} --help shows all options.")
        return formatter.getvalue().rstrip("\n")


class DocumentedGroup(click.Group):
    """A group of commands with examples in its help."""

    command_class = DocumentedCommand

    def __init__(
        self, *arguments: Any, examples: Sequence[Example] = (), argument_form: str = "", **settings: Any
    ) -> None:
        """Take what `click.Group` takes, and examples.

        Args:
            arguments: see `click.Group`.
            examples: printed at the end of the help.
            argument_form: command and `{}`, for a word that is not a command but its argument: `run {}`.
            settings: see `click.Group`.
        """
        super().__init__(*arguments, **settings)
        self.argument_form = argument_form
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)


def _write_options(
    ctx: click.Context, formatter: click.HelpFormatter, heading: str, options: Iterable[click.Option]
) -> None:
    records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
    with formatter.section(heading):
        formatter.write_dl(records)


def _write_examples(formatter: click.HelpFormatter, examples: Sequence[Example]) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for number, (text, command) in enumerate(examples):
            formatter.write("\n" if number else "")
            formatter.write(f"{'':{formatter.current_indent}}# {text}\n")
            formatter.write(f"{'':{formatter.current_indent}}{command}\n")


def _short_help() -> click.Option:
    def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - Click's signature
        if value and not ctx.resilient_parsing:
            assert isinstance(ctx.command, DocumentedCommand)
            click.echo(ctx.command.get_short_help(ctx))
            ctx.exit()

    return click.Option(
        ["-h", "short_help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Show the options to start with, and exit.",
    )
