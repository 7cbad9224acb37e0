"""Make the man pages from the commands: `python man/make.py` writes them to man/man1, `--check` compares them.

A page holds what `--help` prints, in the form that man(7) describes. The wheel installs the pages in share/man/man1.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkq import __version__, cli
from bulkq.cli.help import DocumentedCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGES = Path(__file__).parent / "man1"
DATE = "2026-11-29"
WIDTH = 78
COMMAND = re.compile(r"bulkq(?: [a-z]+)+")

ENVIRONMENT = (
    (
        "BULKQ_OPTION",
        (
            "Value of an option: BULKQ_LOCK_TIMEOUT for --lock-timeout, the same for all commands. An option that may be repeated "
            "takes one value per line. bulkq config show lists the values in effect."
        ),
    ),
    ("XDG_STATE_HOME", "Folder of bulkq/ledger.db, the default ledger. Default: ~/.local/state."),
    ("XDG_CONFIG_HOME", "Folder of bulkq/bulkq.toml, the configuration of the user. Default: ~/.config."),
    ("PGHOST, PGUSER, PGPASSWORD, PGSERVICE and others", "The variables of libpq, for PostgreSQL targets."),
)
FILES = (
    (
        "bulkq.toml",
        (
            "Configuration of the project: targets, groups of targets, defaults of options. bulkq reads the nearest one in the current "
            "folder or above, or the table [tool.bulkq] of pyproject.toml."
        ),
    ),
    ("~/.config/bulkq/bulkq.toml", "Configuration of the user. The configuration of the project outranks it."),
    ("~/.local/state/bulkq/ledger.db", "Default ledger, the record of runs."),
)
EXIT_STATUS = (
    ("0", "Everything selected ran and passed. Warnings are allowed."),
    ("1", "The run reached its end, but a query failed permanently or a check has the verdict fail."),
    ("2", "Usage, configuration or parameter error. No query was executed."),
    ("3", "Outcome unknown: a target is unreachable, or a check or a parameter set has no known outcome."),
    ("4", "Refused by a safety rule."),
    ("5", "Stopped early, consistent and resumable: a signal, a deadline, too many failures, an outage."),
    ("130, 143", "Interrupted twice: the queries were cancelled on the server and rolled back."),
)


EXAMPLES = (
    ("try bulkq in a new folder", "bulkq demo"),
    ("run a query for each line of a file", "bulkq run users.sql -t sqlite:///app.db -p ids.csv -o users.csv"),
)


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    root = click.Context(cli.program, info_name="bulkq", **cli.program.context_settings)
    return {_file(ctx): _page(ctx) for ctx in _contexts(root)}


def _contexts(ctx: click.Context) -> Iterator[click.Context]:
    """Yield the context of each command, groups included."""
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            inner = ctx.command.get_command(ctx, name)
            assert inner is not None
            yield from _contexts(click.Context(inner, info_name=name, parent=ctx))


def _file(ctx: click.Context) -> str:
    return f"{_name(ctx)}.1"


def _name(ctx: click.Context) -> str:
    return ctx.command_path.replace(" ", "-")


def _page(ctx: click.Context) -> str:
    command = ctx.command
    first, *rest = _paragraphs(command.help or "")
    lines = [
        '.\\" Made by man/make.py: do not edit.',
        f'.TH {_name(ctx).upper()} 1 "{DATE}" "bulkq {__version__}" "bulkq manual"',
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{_text(_name(ctx))} \\- {_text(_purpose(ctx))}",
        ".SH SYNOPSIS",
        *_synopsis(ctx),
        ".SH DESCRIPTION",
        *_filled(first),
    ]
    for paragraph in rest:
        lines += [".PP", *_filled(paragraph)]
    lines += [*_commands(ctx), *_options(ctx)]
    if ctx.parent is None:
        lines += [*_list("EXIT STATUS", EXIT_STATUS), *_list("ENVIRONMENT", ENVIRONMENT), *_list("FILES", FILES)]
    lines += [*_examples(command), *_see_also(ctx)]
    return "\n".join(lines) + "\n"


def _purpose(ctx: click.Context) -> str:
    text = ctx.command.get_short_help_str(limit=200) if ctx.parent else "run one SQL query for each parameter set"
    return text[:1].lower() + text[1:].rstrip(".")


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text, without those that Click prints as they are: they are examples."""
    return [part for part in inspect.cleandoc(text).split("\n\n") if not part.startswith("\b")]


def _synopsis(ctx: click.Context) -> list[str]:
    return [
        f".B {_text(ctx.command_path)}",
        " ".join(
            f"[\\fI{_text(w.strip('[]'))}\\fR]" if w.startswith("[") and w.endswith("]") else f"\\fI{_text(w)}\\fR"
            for w in ctx.command.collect_usage_pieces(ctx)
        ),
    ]


def _commands(ctx: click.Context) -> list[str]:
    if not isinstance(ctx.command, click.Group):
        return []
    lines = [".SH COMMANDS"]
    for name in ctx.command.list_commands(ctx):
        inner = ctx.command.get_command(ctx, name)
        assert inner is not None
        lines += [".TP", f".BR {_text(f'{_name(ctx)}-{name}')} (1)", *_filled(inner.get_short_help_str(limit=200))]
    return lines


def _options(ctx: click.Context) -> list[str]:
    command = ctx.command
    if not isinstance(command, DocumentedCommand) or not command.start:
        options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
        return [".SH OPTIONS", *(line for option in options for line in _option(option, ctx))]
    lines = [".SH OPTIONS"]
    for name, options in command.sections(ctx):
        lines += [f".SS {name}", *(line for option in options for line in _option(option, ctx))]
    return lines


def _option(option: click.Option, ctx: click.Context) -> list[str]:
    record = option.get_help_record(ctx)
    assert record is not None
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in option.opts)
    value = "" if option.is_flag or option.count else f" \\fI{_text(option.make_metavar(ctx))}\\fR"
    return [".TP", f"{names}{value}", *_filled(record[1])]


def _list(heading: str, entries: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f".SH {heading}"]
    for name, text in entries:
        lines += [".TP", f".B {_text(name)}", *_filled(text)]
    return lines


def _examples(command: click.Command) -> list[str]:
    examples = EXAMPLES if command is cli.program else getattr(command, "examples", ())
    lines = [".SH EXAMPLES"] if examples else []
    for number, (text, line) in enumerate(examples):
        lines += [
            *([".PP"] if number else []),
            *_filled(f"{text[:1].upper()}{text[1:]}:"),
            ".PP",
            ".RS 4",
            ".nf",
            _text(line),
            ".fi",
            ".RE",
        ]
    return lines


def _see_also(ctx: click.Context) -> list[str]:
    text = " ".join(_paragraphs(ctx.command.help or ""))
    mine = {name.replace(" ", "-") for name in COMMAND.findall(text)}
    known = {_name(each) for each in _contexts(ctx.find_root())}
    others = sorted((mine & known) - {_name(ctx)})
    above = [_name(ctx.parent)] if ctx.parent else ["bulkq-run", "bulkq-check", "bulkq-demo", "psql"]
    names = list(dict.fromkeys([*above, *others]))
    return [".SH SEE ALSO", *(f".BR {_text(name)} (1){',' if name != names[-1] else ''}" for name in names)]


def _filled(text: str) -> list[str]:
    """Return text as lines of input: each sentence begins a line."""
    sentences = re.split(r"(?<=[.:]) +(?=[A-Z])", " ".join(text.split()))
    return [_text(line) for sentence in sentences for line in textwrap.wrap(sentence, WIDTH, break_on_hyphens=False)]


def _text(text: str) -> str:
    """Return text that man takes literally: a hyphen that can be copied, no escape and no macro."""
    shown = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("~", "\\(ti").replace("^", "\\(ha")
    )
    return f"\\&{shown}" if shown.startswith(".") else shown


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that differ; exit code 1 if there are any."""
    made = pages()
    found = {path.name: path.read_text() for path in PAGES.glob("*.1")}
    different = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
    if "--check" in arguments:
        sys.stdout.writelines(f"man/man1/{name} is not up to date: run python man/make.py\n" for name in different)
        return 1 if different else 0
    for name in different:
        if name in made:
            (PAGES / name).write_text(made[name])
        else:
            (PAGES / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
