"""The directive `click-reference`: every command of a Click program with its arguments and options.

The nodes are built from Click's own objects and not from reStructuredText, so help texts may hold any characters. Where
a command sorts its options into sections, as `--help` shows them, the page has the same sections.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

import click
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx


class ClickReference(SphinxDirective):
    """`click-reference` with one argument, `module:group`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make a section for each command."""
        module, _, name = self.arguments[0].partition(":")
        program: click.Group = getattr(import_module(module), name)
        context = click.Context(program, info_name="bulkq", help_option_names=["-h", "--help"])
        return [self._command(context, command, name) for name, command in _subcommands(context, program)]

    def _command(self, parent: click.Context, command: click.Command, name: str) -> nodes.section:
        context = click.Context(command, parent=parent, info_name=name, help_option_names=["-h", "--help"])
        path = context.command_path
        section = nodes.section(ids=[nodes.make_id(path)])
        section += nodes.title("", "", nodes.literal("", path))
        self.state.document.note_explicit_target(section)
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        section += nodes.literal_block(usage, usage, language="console")
        section += _help(command)
        section += _examples(command)
        for title, options in _option_groups(command, context):
            section += nodes.rubric("", title)
            section += _definitions(options, context)
        if isinstance(command, click.Group):
            section += [self._command(context, child, each) for each, child in _subcommands(context, command)]
        return section


def _subcommands(context: click.Context, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def _option_groups(command: click.Command, context: click.Context) -> Iterator[tuple[str, list[click.Parameter]]]:
    """Title and options of each section of `--help`; options of no section come last."""
    sections: dict[str, list[click.Parameter]] = {}
    rest: list[click.Parameter] = []
    for one in command.get_params(context):
        if isinstance(one, click.Option) and one.get_help_record(context):
            title = getattr(one, "section", "")
            (sections.setdefault(title, []) if title else rest).append(one)
    yield from sections.items()
    yield ("Other options" if sections else "Options"), rest


def _help(command: click.Command) -> Iterator[nodes.Node]:
    r"""Paragraphs of the help; those that begin with `\b` keep their lines."""
    text = re.sub(r"\f.*", "", command.help or "", flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.lstrip().startswith("\b"):
            lines = "\n".join(line.strip() for line in paragraph.replace("\b", "").strip().splitlines())
            yield nodes.literal_block(lines, lines, language="console")
        elif paragraph.strip():
            yield nodes.paragraph("", " ".join(paragraph.split()))


def _examples(command: click.Command) -> Iterator[nodes.Node]:
    """The examples that a command has beside its help: pairs of a sentence and a command line."""
    lines = [f"# {text}\n{line}" for text, line in getattr(command, "examples", ())]
    if lines:
        yield nodes.literal_block("\n".join(lines), "\n".join(lines), language="sh")


def _definitions(options: list[click.Parameter], context: click.Context) -> nodes.definition_list:
    items = nodes.definition_list(classes=["options"])
    for option in options:
        record = option.get_help_record(context)
        if record is None:
            continue
        names, text = record
        term = nodes.term("", "", nodes.literal("", names))
        long = next((one for one in option.opts if one.startswith("--")), None)
        if long:
            anchor = nodes.make_id(f"{context.command_path} {long}")
            term["ids"].append(anchor)
        items += nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", text)))
    return items


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("click-reference", ClickReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
