"""The command line: parse, call a task, render, exit.

This module imports Click and nothing else, because `bulkq --help` must cost no more than Click itself: a command's
module is imported when the command is called, an error's rendering when there is an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from bulkq import __version__
from bulkq.cli import stdout

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

COMMANDS = {
    "demo": ("bulkq.cli.commands.demo", "Try bulkq in a new folder: data, queries, a run, a report."),
    "run": ("bulkq.cli.commands.run", "Run queries for every parameter set."),
    "check": ("bulkq.cli.commands.check", "Data checks: read-only, side by side, with verdicts and reports."),
    "resume": ("bulkq.cli.commands.resume", "Go on with a run that was stopped or killed."),
    "retry": ("bulkq.cli.commands.retry", "A new run over the parameter sets that failed in another."),
    "list": ("bulkq.cli.commands.list", "Names, parameters and modes of the queries in files."),
    "lint": ("bulkq.cli.commands.lint", "Check query files; with --prepare the server checks them too."),
    "plan": ("bulkq.cli.commands.plan", "What a command would do; nothing of yours is executed."),
    "runs": ("bulkq.cli.commands.runs", "The runs in the ledger, or one of them."),
    "report": ("bulkq.cli.commands.report", "Any report of a run again, from the ledger."),
    "doctor": ("bulkq.cli.commands.doctor", "What a target is, and what it lets you do."),
    "targets": ("bulkq.cli.commands.targets", "The databases that bulkq.toml names: list them, try them."),
    "ledger": ("bulkq.cli.commands.ledger", "The record of runs: upgrade or check it, forget a run."),
}
"""Name, module that holds it as `command`, and one line of help; in the order of `bulkq --help`."""


class Broken(Exception):
    """A `BrokenPipeError` on its way past Click, which would end with 1 and say nothing, whosever pipe it was."""


@contextlib.contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise Broken from error


class Program(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: MutableMapping[str, object],
    ) -> click.Context:
        """As Click does; `--help` and `--version` write here."""
        with _past_click():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """As Click does."""
        with _past_click():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of the table."""
        return [*COMMANDS]  # `list` may be the module of that command here

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does, but a name that is not known is compared with the table."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="bulkq COMMAND --help shows the options of a command.",
)
@click.version_option(__version__, prog_name="bulkq", message="%(prog)s %(version)s")
def program() -> None:
    """Run a parameterized query for every parameter set, many at once.

    \b
    bulkq demo
    bulkq run users.sql -t sqlite:///app.db -p ids.csv -o users.csv
    """  # noqa: D301 - Click reads a real backspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (`sys.argv` by default) and return its exit code."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    stdout.keep()
    try:
        code = program.main(given, prog_name="bulkq", standalone_mode=False, obj=given)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where every error becomes a line
        from bulkq.cli.errors import report

        code = report((isinstance(error, Broken) and error.__cause__) or error, given)
    _let_go_of_a_closed_stdout()
    return code if isinstance(code, int) else 0


def _let_go_of_a_closed_stdout() -> None:
    """Keep the interpreter from complaining about a closed pipe when it flushes stdout for the last time."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
