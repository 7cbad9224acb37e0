"""The command line: parse the arguments, call a task, print the result, exit.

execute_task             how a command executes its task: signals, display, failures, reports, the last line
signals                  what SIGINT, SIGTERM, SIGHUP and SIGUSR1 do
messages, print_error    lines on stderr; an error, and its exit code
help                     how help is shown
redirect_library_output  stdout is for data

commands, options, display, completion    rooms of their own

This module imports only Click, so that `bulkq --help` is fast. The module of a command is imported when the command is
called, and the module that prints errors when there is an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from bulkq import __version__
from bulkq.cli import redirect_library_output
from bulkq.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from click.shell_completion import CompletionItem


class BrokenPipe(Exception):
    """Carries a `BrokenPipeError` past Click, which would exit with 1 and print nothing."""


@contextlib.contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise BrokenPipe from error


class Program(click.Group):
    """The group of all commands. It imports the module of a command when the command is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: MutableMapping[str, object],
    ) -> click.Context:
        """Make the context as Click does; `--help` and `--version` write here."""
        with _past_click():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Invoke the command as Click does."""
        with _past_click():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of `COMMANDS`."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a command and return the command."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command as Click does, but suggest names of `COMMANDS` for an unknown name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the names of `COMMANDS` without importing their modules."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="bulkq COMMAND --help shows the options of a command.",
)
@click.version_option(__version__, prog_name="bulkq", message="%(prog)s %(version)s")
def program() -> None:
    """Run one SQL query for each parameter set, many at the same time.

    \b
    bulkq demo
    bulkq run users.sql -t sqlite:///app.db -p ids.csv -o users.csv
    """  # noqa: D301 - Click reads a real backspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (`sys.argv` by default) and return its exit code."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    redirect_library_output.keep()
    if os.environ.get("_BULKQ_COMPLETE"):
        from bulkq.cli.completion.answer import answer

        return answer(program)
    try:
        code = program.main(given, prog_name="bulkq", standalone_mode=False, obj=given)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - here each error becomes one line and an exit code
        from bulkq.cli.print_error import report

        code = report((isinstance(error, BrokenPipe) and error.__cause__) or error, given)
    _let_go_of_a_closed_stdout()
    return code if isinstance(code, int) else 0


def _let_go_of_a_closed_stdout() -> None:
    """Prevent an error message of the interpreter when it flushes a closed stdout at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
