"""The help of each command: every option in its section, the options to start with, examples that can be parsed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from bulkq import cli
from bulkq.cli.commands import COMMANDS
from bulkq.cli.help import OTHER, SECTIONS, DocumentedCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.cli.help import Example

MANY = 12
"""A command with more options has sections."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands, with the words that call them."""
    root = click.Context(cli.program)
    for name in COMMANDS:
        command = cli.program.get_command(root, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())


def shown(*arguments: str) -> str:
    """What a command line prints on a terminal of 80 columns."""
    done = CliRunner().invoke(cli.program, [*arguments], prog_name="bulkq", terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(("path", "command"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_a_command_with_many_options_has_sections(path: str, command: click.Command) -> None:
    """Each option stands in one section, and only those about help stand outside the six."""
    if sum(isinstance(one, click.Option) for one in command.params) <= MANY:
        return
    assert isinstance(command, DocumentedCommand)
    sections = dict(command.sections(click.Context(command, info_name=path)))
    assert set(sections) <= {*SECTIONS, OTHER}
    assert [option.opts for option in sections[OTHER]] == [["-h"], ["--help"]]
    text = shown(*path.split(), "--help")
    headings = [line.removesuffix(":") for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == [*sections, "Examples"]


@pytest.mark.parametrize("path", ["run", "check", "plan run", "plan check"])
def test_the_short_help_has_ten_options(path: str) -> None:
    """`-h` shows ten options and the way to the others."""
    text = shown(*path.split(), "-h")
    options = text.partition("Options to start with:\n")[2].partition("Examples:")[0]
    assert sum(line.startswith("  -") for line in options.splitlines()) == 10
    assert text.endswith(f"bulkq {path} --help shows all options.\n")


def examples() -> Iterator[Example]:
    """The examples of all commands."""
    for _, command in commands():
        yield from (one for one in getattr(command, "examples", ()) if one[1].startswith("bulkq"))


@pytest.mark.parametrize(("text", "line"), list(examples()))
def test_examples_can_be_parsed(text: str, line: str) -> None:
    """The options of an example exist, and each of its commands fits a terminal of 80 columns."""
    assert text[0].islower()
    for each in line.split("; "):
        can_be_parsed(each)


def can_be_parsed(line: str) -> None:
    """The options of a command line exist."""
    program, *arguments = shlex.split(line)
    assert (program, len(line) <= 78) == ("bulkq", True)
    context: click.Context = cli.program.make_context("bulkq", [*arguments], resilient_parsing=True)
    words = [*arguments]
    command: click.Command = cli.program
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None, line
        context, command = click.Context(found, info_name=name, parent=context), found
    parser = command.make_parser(context)
    parser.parse_args(words)


def test_every_command_has_examples() -> None:
    """The help of a command ends with a command line to copy."""
    leaves = {
        path: command for path, command in commands() if path.partition(" ")[0] not in {"ledger", "targets", "demo"}
    }
    assert [path for path, command in leaves.items() if not getattr(command, "examples", ())] == []
