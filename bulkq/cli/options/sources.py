"""The options of the section Parameter sets: where they come from and how they are read."""

from __future__ import annotations

from bulkq.cli.options.option import options_of
from bulkq.cli.options.types import NameValue, ShardText, SourceText, TargetText, Text, Words

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
