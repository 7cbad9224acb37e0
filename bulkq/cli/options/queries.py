"""The options of the section Queries: which queries run."""

from __future__ import annotations

import click

from bulkq.cli.options.option import options_of
from bulkq.cli.options.types import PathText, QueryText, Text

option = options_of("Queries")

FILES = click.argument("files", nargs=-1, type=QueryText(), metavar="[FILE[:NAME]]...")
PATHS = click.argument("paths", nargs=-1, type=PathText(), metavar="PATH...")
CHECKS = click.argument("paths", nargs=-1, type=QueryText(), metavar="[PATH[:NAME]]...")

SQL = option(
    "-e",
    "--sql",
    type=Text(),
    multiple=True,
    metavar="TEXT",
    help="Query text, in addition to the queries of files. Repeatable.",
)
SELECTION = (
    option("--tag", type=Text(), multiple=True, metavar="TAG", help="Run only checks with this tag. Repeatable."),
    option(
        "--exclude",
        type=Text(),
        multiple=True,
        metavar="PATTERN",
        help="Skip a path, a check name or FILE:NAME. The wildcards * and ? match. Repeatable.",
    ),
    option(
        "--changed-since",
        type=Text(),
        metavar="REV",
        help="Run only checks whose query file or parameter file has changed since this git revision.",
    ),
    option("--allow-empty", is_flag=True, help="Succeed if no check, parameter set or target is selected."),
)
"""Which checks of the named files run."""
