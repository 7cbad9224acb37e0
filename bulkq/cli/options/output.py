"""The options of the section Output: rows, failures, reports, progress and messages."""

from __future__ import annotations

from bulkq.cli.options.option import options_of, together
from bulkq.cli.options.targets import CONFIG
from bulkq.cli.options.types import Duration, PathText, ReportText, Text, WordList, Words
from bulkq.errors import UsageError

option = options_of("Output")

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet", "arrow", "none")
INCLUDABLE = ("n", "params", "query", "target")

ROW_FILE = (
    option(
        "-o",
        "--output",
        type=PathText(),
        metavar="FILE|-",
        help="File for the result rows; {query} and {target} in the name make one file each. Default: stdout.",
    ),
    option(
        "--format",
        type=Words(*FORMATS),
        help="Format of the result rows, if it cannot be derived from the file suffix.",
    ),
    option(
        "--include",
        type=WordList(*INCLUDABLE),
        multiple=True,
        help="Add columns to the rows: _n (number of the parameter set), the parameters, _query, _target.",
    ),
)
ROWS = (
    *ROW_FILE,
    option(
        "--unordered",
        is_flag=True,
        help="Write rows in the order of completion. Without it, rows have the order of the parameter sets.",
    ),
    option(
        "--map",
        type=Text(),
        metavar="MODULE:FUNCTION",
        help="Python function for the result rows. It gets the rows of one parameter set as dicts and returns dicts; it "
        "runs in separate processes.",
    ),
    option(
        "--map-timeout",
        type=Duration(),
        metavar="TIME",
        help="Timeout of the function of --map for the rows of one batch. Default: the timeout of the query.",
    ),
)
FAILURES = option(
    "--failures",
    type=PathText(),
    metavar="FILE.jsonl",
    help="File for the parameter sets that failed, one JSON object per line. bulkq reads it again with -p.",
)
REPORT = option(
    "--report",
    type=ReportText(),
    multiple=True,
    metavar="FORMAT[:FILE]",
    help="Report of the run as text, json, junit, github, gitlab, sarif, tap, markdown or html, to FILE or stdout. "
    "Repeatable.",
)
PROGRESS = option(
    "--progress",
    type=Words("auto", "bar", "lines", "json", "none"),
    default="auto",
    show_default=True,
    help="How to show progress on stderr. With auto, a bar on a terminal and lines elsewhere.",
)
METRICS = option(
    "--metrics",
    type=PathText(),
    metavar="FILE",
    help="File for metrics of the run in the text format of Prometheus. It is replaced every 5 seconds and at the end.",
)
NAME = option("--name", type=Text(), help="Name of the run, shown by progress and bulkq runs.")


def _refuse_empty(_: object, __: object, value: str | None) -> str | None:
    """Raise UsageError if the name is empty, as an empty variable of a script gives it."""
    if value is not None and not value.strip():
        raise UsageError("--group is empty: give the name of the group, or leave it out")
    return value


GROUP = option(
    "--group",
    type=Text(),
    callback=_refuse_empty,
    metavar="NAME",
    help="Name of the runs that belong together, such as the shards of one input. bulkq runs --group NAME sums them up.",
)
TAG = option("--tag", type=Text(), multiple=True, help="Tag recorded with the run. Repeatable.")
LOG_FORMAT = option(
    "--log-format",
    type=Words("text", "json"),
    default="text",
    show_default=True,
    help="Format of the messages on stderr: text for people or JSON objects.",
)
DEBUG = together(CONFIG, option("--debug", is_flag=True, help="Show the traceback of an error."))
"""What every command takes."""

FORM = option(
    "--format",
    "form",
    type=Words("text", "json"),
    default="text",
    show_default=True,
    envvar=None,
    help="Output format: text for people, or JSON.",
)
"""Of commands that print what they find."""
