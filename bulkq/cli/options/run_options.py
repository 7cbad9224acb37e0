"""The options of `bulkq run` and `bulkq plan run`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, TypeVar

from bulkq.cli.options import limits, output, queries, safety, sources, targets
from bulkq.cli.options.option import together

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = (
    *("target", "sql", "params", "param", "concurrency"),
    *("timeout", "write", "output", "format", "failures"),
)
"""The options that people use first, for `bulkq run -h`."""


class RunOptions(TypedDict):
    """The values that Click passes to `run` and `plan run`, by option name."""

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
    throttle: tuple[str, ...]
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


_RUN = (
    queries.FILES,
    queries.SQL,
    *sources.SOURCES,
    targets.TARGET,
    *targets.FAN_OUT,
    targets.CONNECT_TIMEOUT,
    *targets.ORDER,
    limits.CONCURRENCY(default=8, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.BATCH(default="auto", show_default=True),
    limits.RETRIES(default=5, show_default=True),
    limits.OUTAGE(default="5m", show_default=True),
    limits.THROTTLE,
    limits.FAIL_FAST,
    limits.MAX_FAILURES,
    safety.WRITE,
    *safety.PERMISSIONS,
    safety.LEDGER_OR_NONE,
    *safety.EXACTNESS,
    *output.ROWS,
    output.FAILURES,
    output.REPORT,
    output.PROGRESS,
    output.NAME,
    output.TAG,
    output.LOG_FORMAT,
    output.DEBUG,
)


def run_options(function: F) -> F:
    """Add the options of `run`."""
    return together(*_RUN)(function)
