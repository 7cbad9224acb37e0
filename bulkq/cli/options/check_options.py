"""The options of `bulkq check` and `bulkq plan check`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bulkq.cli.options import limits, output, queries, safety
from bulkq.cli.options.option import together
from bulkq.cli.options.option_typed_dicts import SOURCES_AND_TARGETS, ExecuteOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = (
    *("target", "sql", "tag", "exclude", "changed_since"),
    *("params", "concurrency", "timeout", "fail_fast", "report"),
)
"""The options that people use first, for `bulkq check -h`."""


class CheckOptions(ExecuteOptions):
    """The values that Click passes to `check` and `plan check`, by option name."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    changed_since: str | None
    allow_empty: bool
    snapshot: bool
    confirm: tuple[str, ...]
    max_rows: int


_CHECK = (
    queries.CHECKS,
    queries.SQL,
    *queries.SELECTION,
    *SOURCES_AND_TARGETS,
    limits.CONCURRENCY(default=8, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=2, show_default=True),
    limits.OUTAGE(default="10s", show_default=True),
    limits.EXECUTOR,
    limits.THROTTLE,
    *limits.PACE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    limits.MOST_ROWS,
    safety.CHECK_LEDGER,
    safety.SNAPSHOT,
    safety.CONFIRM,
    output.REPORT,
    output.PROGRESS,
    output.METRICS,
    output.NAME,
    output.GROUP,
    output.LOG_FORMAT,
    output.DEBUG,
)


def check_options(function: F) -> F:
    """Add the options of `check`."""
    return together(*_CHECK)(function)
