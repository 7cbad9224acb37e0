"""The options of every command that executes queries: `run`, `check`, and their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from bulkq.cli.options import sources, targets

if TYPE_CHECKING:
    from bulkq.model.shard import Shard

SOURCES_AND_TARGETS = (
    *sources.SOURCES,
    sources.SHARD,
    targets.TARGET,
    *targets.FAN_OUT,
    targets.CONNECT_TIMEOUT,
)
"""The decorators of the sections "parameter sets" and "targets", in the order of `--help`."""


class PaceValues(TypedDict):
    """The values of throttles, hours and pace that Click passes to these commands. Times are in seconds."""

    throttle: tuple[str, ...]
    throttle_every: float | None
    throttle_timeout: float | None
    critical: tuple[str, ...]
    on_critical: str
    window: tuple[str, ...]
    nice: float | Literal["auto"] | None
    max_rate: str | None


class LimitValues(PaceValues):
    """The values of limits, record and reports that Click passes to each command that executes statements. Times are in seconds."""

    tag: tuple[str, ...]
    concurrency: int | None  # None: auto
    per_target: int | None
    connect_timeout: float | None
    timeout: float | None
    lock_timeout: float | None
    deadline: float | None
    retries: int
    outage: float
    executor: NotRequired[str | None]
    fail_fast: bool
    max_failures: tuple[int | None, float | None] | None
    ledger: str
    report: tuple[str, ...]
    progress: str
    metrics: str | None
    name: str | None
    log_format: str
    debug: bool


class ExecuteOptions(LimitValues):
    """The values that Click passes to each of these commands, by option name."""

    target: tuple[str, ...]
    sql: tuple[str, ...]
    params: tuple[str, ...]
    param: tuple[tuple[str, str], ...]
    params_format: str | None
    params_target: str | None
    grid: bool
    null: str | None
    extra_columns: str
    shard: Shard | None
    group: str | None
    schemas: tuple[str, ...]
    schemas_with: tuple[str, ...]
    targets_sql: str | None
