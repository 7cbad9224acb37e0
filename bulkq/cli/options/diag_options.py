"""The options of `bulkq diag run` and `bulkq diag all`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from bulkq.cli.options import limits, output, safety, sources, targets
from bulkq.cli.options.option import options_of, together
from bulkq.cli.options.option_typed_dicts import LimitValues
from bulkq.cli.options.types import QuestionText, Text, Words

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = ("target", "as_", "param", "output", "format", "report", "concurrency")
"""The options that people use first, for `bulkq diag run -h`."""

NAMES = click.argument("names", nargs=-1, type=QuestionText(), metavar="NAME...")
SUBJECT = options_of("Queries")(
    "--tag",
    type=Text(),
    multiple=True,
    metavar="TAG",
    help="Ask only questions with this tag, such as locks, indexes or vacuum. Repeatable.",
)
AS = options_of("Output")(
    "--as",
    "as_",
    type=Words("rows", "check"),
    default="rows",
    show_default=True,
    help="Result of each question: its rows, or a verdict by the thresholds in its header.",
)


class DiagOptions(LimitValues):
    """The values that Click passes to `diag run` and `diag all`, by option name."""

    names: tuple[str, ...]
    target: tuple[str, ...]
    param: tuple[tuple[str, str], ...]
    as_: str
    output: str | None
    format: str | None
    include: tuple[tuple[str, ...], ...]
    confirm: tuple[str, ...]
    max_rows: int


_DIAG = (
    sources.PARAM,
    targets.TARGET,
    targets.PER_TARGET,
    targets.CONNECT_TIMEOUT,
    limits.CONCURRENCY(default=4, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=2, show_default=True),
    limits.OUTAGE(default="10s", show_default=True),
    limits.THROTTLE,
    *limits.PACE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    limits.MOST_ROWS,
    safety.CHECK_LEDGER,
    safety.CONFIRM,
    AS,
    *output.ROW_FILE,
    output.REPORT,
    output.PROGRESS,
    output.METRICS,
    output.NAME,
    output.LOG_FORMAT,
    output.DEBUG,
)


def diag_options(function: F) -> F:
    """Add the options of `diag run` and `diag all`."""
    return together(*_DIAG)(function)
