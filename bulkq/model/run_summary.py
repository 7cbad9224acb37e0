"""What a run came to: its status, and its counts in total, for each target and for each query."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model.check_result import CheckResult
    from bulkq.model.failure import Failure
    from bulkq.model.maintenance import ObjectResult
    from bulkq.model.throttle_wait_total import ThrottleWait
    from bulkq.model.timeline import RunTimeline
    from bulkq.model.worker_status import WorkersStatus


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    STOPPED = "stopped"
    INCOMPLETE = "incomplete"  # a backfill whose verification has found rows that are left


@frozen
class QueryCounts(Counts):
    """The counts of one query on one target."""

    name: str
    file: str | None
    line: int
    target: str
    unmet: str = ""  # what it requires, and the target does not have: it was not tried
    ranges: bool = False  # the counts are of ranges of a backfill, not of parameter sets


@frozen
class TargetCounts(Counts):
    """What a run came to on one target (of --schemas: in one schema)."""

    target: str
    reason: str = ""  # why not all of it was tried; "" where it was


@frozen
class RunSummary(Counts):
    """A run in totals."""

    run: str
    status: Status
    exit_code: int
    mode: str  # read, write, idempotent, maintenance, unrecorded
    targets: tuple[str, ...]
    rows: int = 0
    attempts: int = 0  # batch attempts, the first included
    together: int = 0  # batches of reads that one statement has answered
    lanes: int | None = None  # that were chosen for `-j auto`
    lanes_why: str = ""
    elapsed_s: float = 0.0
    p50_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None
    throttled_s: float = 0.0  # in which throttles held all targets with work
    throttles: tuple[ThrottleWait, ...] = ()  # the signals that held lanes, the longest first
    workers: WorkersStatus | None = None  # of a run with `--executor`; from the ledger: of all processes
    warnings: int = 0  # of servers that count them (MariaDB, MySQL), in this process
    repeated: int = 0  # sets of a write that name a row which an earlier set of this process named
    repeated_exact: bool = True  # False: there may be more
    reason: str = ""  # why it stopped, for people
    resume: str | None = None  # the command that goes on from here
    queries: tuple[QueryCounts, ...] = ()
    per_target: tuple[TargetCounts, ...] = ()
    failures: tuple[Failure, ...] = ()  # the first `KEPT_FAILURES`; `--failures` has them all
    outputs: tuple[str, ...] = ()  # files that were completed
    partials: tuple[str, ...] = ()  # files that were left incomplete
    objects: tuple[ObjectResult, ...] = ()  # of `bulkq maintain`, in the order in which they ended in this process
    checks: tuple[CheckResult, ...] = ()  # of `bulkq check`, in the order of the files
    started_at: str = ""  # ISO 8601, UTC
    timeline: RunTimeline | None = None  # of this process; from the ledger: of all of them


KEPT_FAILURES = 100
"""Failures kept in memory for the report; a run may have millions."""
