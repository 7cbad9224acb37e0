"""The options that commands share: one name, one meaning, one environment variable (`BULKQ_` and the name) everywhere.

A command puts the groups it takes above its function and receives the values as `RunOptions`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click
from click.core import ParameterSource

from bulkq.cli.options.defaults import read_config
from bulkq.cli.options.types import (
    Count,
    Duration,
    MarkerPrefix,
    MaxFailures,
    NameValue,
    PathText,
    Patience,
    TargetText,
    Text,
    WordList,
    Words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "none")
INCLUDABLE = ("n", "params", "query", "target")


class RunOptions(TypedDict):
    """What Click hands to `run` and `plan run`; names are those of the options."""

    files: tuple[str, ...]
    target: tuple[str, ...]
    sql: tuple[str, ...]
    params: tuple[str, ...]
    param: tuple[tuple[str, str], ...]
    params_format: str | None
    params_target: str | None
    grid: bool
    null: str | None
    extra_columns: str
    concurrency: int
    per_target: int | None
    schemas: tuple[str, ...]
    schemas_with: tuple[str, ...]
    targets_sql: str | None
    connect_timeout: float | None
    order: str | None
    max_failed_targets: int | None
    timeout: float | None
    lock_timeout: float | None
    deadline: float | None
    retries: int
    batch: int | None
    write: bool
    allow: tuple[tuple[str, ...], ...]
    confirm: tuple[str, ...]
    map: str | None
    map_timeout: float | None
    output: str | None
    format: str | None
    include: tuple[tuple[str, ...], ...]
    unordered: bool
    ordered: bool
    failures: str | None
    fail_fast: bool
    max_failures: tuple[int | None, float | None] | None
    outage: float
    ledger: str
    idempotent: bool
    marker_table: str | None
    keep_markers: bool
    on_unknown: str
    expect_rows: int | None
    max_affected: int | None
    report: tuple[str, ...]
    progress: str
    log_format: str
    name: str | None
    tag: tuple[str, ...]
    debug: bool


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """`click.option` with the environment variable of the option's long name."""
    long = next(name for name in names if name.startswith("--"))
    settings.setdefault("envvar", "BULKQ_" + long.removeprefix("--").replace("-", "_").upper())
    return click.option(*names, **settings)


def typed(ctx: click.Context, name: str) -> bool:
    """Whether the value of an option stands on the command line, not in the environment."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator of several; the first is the first in `--help`."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


TARGET = option(
    "-t",
    "--target",
    type=TargetText(),
    multiple=True,
    metavar="URL|NAME",
    help="The database: postgresql://host/db, sqlite:///file.db, a SQLAlchemy URL, or a name of bulkq.toml.",
)
CONFIG = option(
    "--config",
    type=PathText(),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    metavar="FILE",
    help="The configuration, instead of bulkq.toml or [tool.bulkq] of pyproject.toml here or above; none reads no file.",
)
DEBUG = together(CONFIG, option("--debug", is_flag=True, help="Show the traceback of an error."))
"""What every command takes."""

LOG_FORMAT = option(
    "--log-format", type=Words("text", "json"), default="text", help="Lines for people on stderr: text or JSON objects."
)

CONCURRENCY = partial(option, "-j", "--concurrency", type=Count(1), metavar="N", help="Connections at work at once.")
TIMEOUT = partial(
    option,
    "--timeout",
    type=Duration(),
    metavar="TIME",
    help="Per query, also of sql: and --targets-sql; none switches it off.",
)
LOCK_TIMEOUT = option(
    "--lock-timeout",
    type=Duration(),
    default="2s",
    show_default=True,
    metavar="TIME",
    help="How long a query may wait for a lock.",
)
RETRIES = partial(
    option,
    "--retries",
    type=Count(0),
    metavar="N",
    help="For errors that go away: deadlocks, serialization, lost connections.",
)
DEADLINE = option(
    "--deadline", type=Duration(), metavar="TIME", help="For the whole run; then it stops with exit code 5."
)
OUTAGE = partial(
    option, "--outage", type=Patience(), metavar="TIME", help="How long to wait for a target that went away."
)
BATCH = partial(
    option,
    "--batch",
    type=Count(1, word="auto"),
    metavar="auto|N",
    help="Parameter sets per round trip and transaction.",
)
ON_UNKNOWN = partial(
    option,
    "--on-unknown",
    type=Words("stop", "retry"),
    help="What to do with a set of which nobody can tell whether it was applied: leave it to you, or send it again.",
)
FAIL_FAST = option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure and cancel what runs.")
MAX_FAILURES = option(
    "--max-failures",
    type=MaxFailures(),
    metavar="N|N%",
    help="Stop when so many have failed (a percentage needs 100 tried).",
)
MAX_AFFECTED = option(
    "--max-affected",
    type=Count(1),
    metavar="N",
    help="Stop before more rows than this are changed by the whole run; exit code 4.",
)
REPORT = option(
    "--report",
    type=Text(),
    multiple=True,
    metavar="FORMAT[:FILE]",
    help="A report of the run: text, json, junit, github, gitlab, sarif, tap, markdown or html, to stdout or FILE. Repeatable.",
)
PROGRESS = option(
    "--progress",
    type=Words("auto", "bar", "lines", "json", "none"),
    default="auto",
    show_default=True,
    help="On stderr.",
)
AGAIN = (
    *(CONCURRENCY(), TIMEOUT(), DEADLINE, OUTAGE(), BATCH(), ON_UNKNOWN(), MAX_FAILURES, MAX_AFFECTED),
    *(REPORT, PROGRESS, LOG_FORMAT, DEBUG),
)
"""What may be different when a run goes on. No default is shown: it is what the run had."""

WHAT = (
    option("-e", "--sql", type=Text(), multiple=True, metavar="TEXT", help="A query as text, instead of a file."),
    option(
        "-p",
        "--params",
        type=Text(),
        multiple=True,
        metavar="SOURCE",
        help="Parameter sets: FILE.csv, .tsv, .json, .jsonl, - for stdin, range:id=1..1000, "
        "range:id=1..1000/100 (gives lo and hi), 'sql:select ...', @FILE.sql:NAME. Repeatable.",
    ),
    option(
        "--param", type=NameValue(), multiple=True, metavar="NAME=VALUE", help="One parameter, the same in every set."
    ),
    option(
        "--params-format",
        type=Text(),
        metavar="FORMAT",
        help="Format of -p: csv, tsv, json, jsonl, or copy for the text format of COPY (tabs, backslashes, \\N).",
    ),
    option(
        "--params-target",
        type=TargetText(),
        metavar="URL|NAME",
        help="The database of -p sql:... when it is not --target.",
    ),
    option("--grid", is_flag=True, help="Every combination of several -p."),
    option("--null", type=Text(), metavar="TEXT", help="What stands for NULL in a file, instead of an empty field."),
    option(
        "--extra-columns",
        type=Words("error", "ignore"),
        default="error",
        show_default=True,
        help="Columns that no parameter takes.",
    ),
)
CONNECT_TIMEOUT = option(
    "--connect-timeout",
    type=Duration(),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="For the first connection to each target, which is tried once; a driver gives up after ten seconds by itself.",
)
SITES = (
    option(
        "--schemas",
        type=Text(),
        multiple=True,
        metavar="PATTERN",
        help="Once in every schema of a PostgreSQL database that matches, as in 'tenant_%'; several separated by commas.",
    ),
    option(
        "--schemas-with",
        type=Text(),
        multiple=True,
        metavar="SCHEMA",
        help="Schemas behind each of --schemas in the search path, with commas between them; none leaves out those of extensions.",
    ),
    option(
        "--targets-sql",
        type=Text(),
        metavar="QUERY",
        help="The targets are what the first column of this query gives: URLs, or names; it is asked of -t.",
    ),
    option("--per-target", type=Count(1), metavar="N", help="Connections at work on one target at most."),
)
"""Many targets out of one, and how much of the run each may have."""

_HOW = (
    CONCURRENCY(default=8, show_default=True),
    *SITES,
    TIMEOUT(default="30s", show_default=True),
    LOCK_TIMEOUT,
    CONNECT_TIMEOUT,
    option(
        "--order",
        type=Text(),
        metavar="canary:NAME,rest",
        help="These targets first, to their end; the others only if all went well there.",
    ),
    option(
        "--max-failed-targets",
        type=Count(0),
        metavar="N",
        help="Stop when more targets than this have failed or cannot be reached.",
    ),
    DEADLINE,
    RETRIES(default=5, show_default=True),
    OUTAGE(default="5m", show_default=True),
    BATCH(default="auto", show_default=True),
    option(
        "--ordered",
        is_flag=True,
        help="Apply sets one after the other, in the order of the input: one lane on each target. Without it, sets of a write "
        "that name the same row keep their order; the first line of the run says by which parameters.",
    ),
    option(
        "--unordered",
        is_flag=True,
        help="Write output in the order of completion instead of that of the input. Nothing waits for a slow query.",
    ),
)
_SAFETY = (
    option("--write", is_flag=True, help="Let queries change data; without it the server is told to refuse."),
    option(
        "--allow",
        type=WordList("unbounded", "truncate", "ddl"),
        multiple=True,
        help="UPDATE or DELETE without WHERE; TRUNCATE; CREATE, ALTER, DROP.",
    ),
    option(
        "--confirm",
        type=TargetText(),
        multiple=True,
        metavar="NAME",
        help="Let --write change a target that bulkq.toml protects. Repeatable.",
    ),
    option(
        "--ledger",
        type=Text(),
        default="auto",
        show_default=True,
        metavar="auto|URL|none",
        help="Where the run is recorded: a file, sqlite:///FILE or postgresql://...; auto is bulkq/ledger.db in "
        "$XDG_STATE_HOME. With none it cannot be resumed.",
    ),
    option("--idempotent", is_flag=True, help="Applying a set twice does no harm: no markers, repeats are possible."),
    option(
        "--marker-table",
        type=MarkerPrefix(),
        metavar="[SCHEMA.]PREFIX",
        help="Where the target keeps what was applied: PREFIX_runs and PREFIX_markers, instead of bulkq_.",
    ),
    option("--keep-markers", is_flag=True, help="Leave the run's markers in the target when it is finished."),
    ON_UNKNOWN(default="stop", show_default=True),
    option(
        "--expect-rows",
        type=Count(0),
        metavar="N",
        help="A set that changes another number of rows fails, and changes none.",
    ),
    MAX_AFFECTED,
    FAIL_FAST,
    MAX_FAILURES,
)
_OUTPUT = (
    option(
        "--map",
        type=Text(),
        metavar="MODULE:FUNCTION",
        help="Send result rows through a Python function, in processes of their own: "
        "it is given the rows of one parameter set as dicts, and gives dicts.",
    ),
    option(
        "--map-timeout", type=Duration(), metavar="TIME", help="For the rows of one batch; by default that of a query."
    ),
    option(
        "-o",
        "--output",
        type=PathText(),
        metavar="FILE|-",
        help="Where rows go; {query} and {target} make a file each.",
    ),
    option("--format", type=Words(*FORMATS), help="Of the rows, where the suffix does not say."),
    option(
        "--include", type=WordList(*INCLUDABLE), multiple=True, help="Add columns: _n, the parameters, _query, _target."
    ),
    option("--failures", type=PathText(), metavar="FILE.jsonl", help="One line for every set that failed."),
    REPORT,
    PROGRESS,
    option("--name", type=Text(), help="A name for the run."),
    option("--tag", type=Text(), multiple=True, help="A tag for the run. Repeatable."),
    LOG_FORMAT,
    DEBUG,
)

FILES = click.argument("files", nargs=-1, type=PathText(), metavar="[FILE[:NAME]]...")
PATHS = click.argument("paths", nargs=-1, type=PathText(), metavar="PATH...")


def run_options(function: F) -> F:
    """Everything that `run` takes, and `plan run` with it."""
    return together(FILES, TARGET, *WHAT, *_HOW, *_SAFETY, *_OUTPUT)(function)
