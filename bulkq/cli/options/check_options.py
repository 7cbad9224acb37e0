"""The options of `bulkq check` and `bulkq plan check`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, TypeVar

from bulkq.cli.options import limits, output, queries, safety, sources, targets
from bulkq.cli.options.option import together

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = (
    *("target", "sql", "tag", "exclude", "changed_since"),
    *("params", "concurrency", "timeout", "fail_fast", "report"),
)
"""The options that people use first, for `bulkq check -h`."""


class CheckOptions(TypedDict):
    """The values that Click passes to `check` and `plan check`, by option name."""

    paths: tuple[str, ...]
    target: tuple[str, ...]
    sql: tuple[str, ...]
    params: tuple[str, ...]
    param: tuple[tuple[str, str], ...]
    params_format: str | None
    params_target: str | None
    grid: bool
    null: str | None
    extra_columns: str
    tag: tuple[str, ...]
    exclude: tuple[str, ...]
    changed_since: str | None
    allow_empty: bool
    snapshot: bool
    max_rows: int
    concurrency: int
    schemas: tuple[str, ...]
    schemas_with: tuple[str, ...]
    targets_sql: str | None
    per_target: int | None
    connect_timeout: float | None
    timeout: float | None
    lock_timeout: float | None
    deadline: float | None
    retries: int
    outage: float
    throttle: tuple[str, ...]
    fail_fast: bool
    max_failures: tuple[int | None, float | None] | None
    ledger: str
    report: tuple[str, ...]
    progress: str
    name: str | None
    log_format: str
    debug: bool


_CHECK = (
    queries.CHECKS,
    queries.SQL,
    *queries.SELECTION,
    *sources.SOURCES,
    targets.TARGET,
    *targets.FAN_OUT,
    targets.CONNECT_TIMEOUT,
    limits.CONCURRENCY(default=8, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.RETRIES(default=2, show_default=True),
    limits.OUTAGE(default="10s", show_default=True),
    limits.THROTTLE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    limits.MOST_ROWS,
    safety.LEDGER_OR_NONE,
    safety.SNAPSHOT,
    output.REPORT,
    output.PROGRESS,
    output.NAME,
    output.LOG_FORMAT,
    output.DEBUG,
)


def check_options(function: F) -> F:
    """Add the options of `check`."""
    return together(*_CHECK)(function)
