"""The options of `bulkq run` and `bulkq plan run`, by sections of help."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bulkq.cli.options import limits, output, queries, safety, targets
from bulkq.cli.options.option import together
from bulkq.cli.options.option_typed_dicts import SOURCES_AND_TARGETS, ExecuteOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

START = (
    *("target", "sql", "params", "param", "concurrency"),
    *("timeout", "write", "output", "format", "failures"),
)
"""The options that people use first, for `bulkq run -h`."""


class RunOptions(ExecuteOptions):
    """The values that Click passes to `run` and `plan run`, by option name."""

    files: tuple[str, ...]
    order: str | None
    max_failed_targets: int | None
    batch: int | None
    batch_form: str
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
    idempotent: bool
    marker_table: str | None
    keep_markers: bool
    on_unknown: str
    expect_rows: int | None
    max_affected: int | None


_RUN = (
    queries.FILES,
    queries.SQL,
    *SOURCES_AND_TARGETS,
    *targets.ORDER,
    limits.CONCURRENCY(default=8, show_default=True),
    limits.TIMEOUT(default="30s", show_default=True),
    limits.LOCK_TIMEOUT,
    limits.DEADLINE,
    limits.BATCH(default="auto", show_default=True),
    limits.BATCH_FORM,
    limits.EXECUTOR,
    limits.RETRIES(default=5, show_default=True),
    limits.OUTAGE(default="5m", show_default=True),
    limits.THROTTLE,
    *limits.PACE,
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
    output.METRICS,
    output.NAME,
    output.GROUP,
    output.TAG,
    output.LOG_FORMAT,
    output.DEBUG,
)


def run_options(function: F) -> F:
    """Add the options of `run`."""
    return together(*_RUN)(function)
