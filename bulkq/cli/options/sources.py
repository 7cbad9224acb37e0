"""The options of the section Parameter sets: where they come from and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bulkq.cli.options.option import options_of, typed
from bulkq.cli.options.types import NameValue, ShardText, SourceText, TargetText, Text, Words
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    F = TypeVar("F", bound="Callable[..., object]")

option = options_of("Parameter sets")

PARAM = option(
    "--param",
    type=NameValue(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of one parameter, the same in every set. Repeatable.",
)
SHARD = option(
    "--shard",
    type=ShardText(),
    metavar="I/N",
    help="Run every N-th parameter set, beginning with set I; of checks, every N-th check. The other shards are runs of their own.",
)


def refuse_shard(reason: str) -> Callable[[F], F]:
    """Return a hidden `--shard` for a command that cannot be divided. Each shard would otherwise do the whole of it.

    Args:
        reason: follows the option in the message: why, and what to do instead.
    """

    def refuse(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001
        """Raise UsageError if `--shard` or BULKQ_SHARD is given."""
        if value is not None:
            raise UsageError(f"--shard {value}: {reason}")

    return option("--shard", hidden=True, expose_value=False, callback=refuse)


SOURCES = (
    option(
        "-p",
        "--params",
        type=SourceText(),
        multiple=True,
        metavar="SOURCE",
        help="Source of parameter sets: FILE.csv, .tsv, .json or .jsonl; - for stdin; range:id=1..1000; "
        "range:id=1..1000/100 (gives lo and hi); 'sql:select ...'; @FILE.sql:NAME. Repeatable.",
    ),
    PARAM,
    option(
        "--params-format",
        type=Text("csv", "tsv", "json", "jsonl", "copy", "parquet", "arrow"),
        metavar="FORMAT",
        help="Format of -p if it cannot be derived from the file suffix: csv, tsv, json, jsonl, parquet, arrow, or copy "
        "for the text format of COPY (tabs, backslashes, \\N).",
    ),
    option(
        "--params-target",
        type=TargetText(),
        metavar="URL|NAME",
        help="Database for -p sql:... and -p @FILE. Default: the target.",
    ),
    option("--grid", is_flag=True, help="Combine each set of the first -p with each set of the others."),
    option(
        "--null",
        type=Text(),
        metavar="TEXT",
        help="Text that stands for NULL in a file. Default: an empty field is NULL.",
    ),
    option(
        "--extra-columns",
        type=Words("error", "ignore"),
        default="error",
        show_default=True,
        help="How to treat columns that no parameter uses.",
    ),
)


def refuse_lone(ctx: click.Context) -> None:
    """Raise UsageError for an option of `-p` that is typed without it."""
    lone = next((name for name in ("grid", "null", "params_target", "params_format") if typed(ctx, name)), "")
    if lone:
        raise UsageError(f"--{lone.replace('_', '-')} is for the sets of -p: add it, or leave out the option")
