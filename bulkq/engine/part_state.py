"""The state of one part of a run: its definition, connections, output and progress."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy.batch_form import BatchForm, Form
from bulkq.policy.batch_size import BatchSize

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.affected_guard import AffectedGuard
    from bulkq.engine.pool import ConnectionPool
    from bulkq.engine.range_transform import RangeTransform
    from bulkq.engine.same_row_write_order import Order
    from bulkq.model import Batch, BatchResult, Failure, PartSpec, Reply
    from bulkq.protocols import Connection, Judge, Mapper, ParameterSource, Sink
    from bulkq.sources.key_range_source import RangeSource
    from bulkq.sources.maintenance_object_source import ObjectSource


class ObjectCommand(Protocol):
    """Executes a command of maintenance for the objects of a batch, and finds out what came of each."""

    async def execute(self, connection: Connection, batch: Batch, pause: Callable[[int], Awaitable[None]]) -> Reply:
        """Return when the objects are done.

        Args:
            connection: of the lane.
            batch: its sets are the objects.
            pause: waits before try number N + 1, without the slot of the lane.

        Raises:
            ObjectSkipped: the only one was not done, for a reason that may pass.
            ObjectsApart: not all of several were done.
            DatabaseError: it failed, or the outcome of all is not known.
        """


@mutable
class PartState:
    """One query on one target, with its parameters and its output. Shared by the lanes of the target."""

    spec: PartSpec
    source: ParameterSource
    sink: Sink
    sessions: ConnectionPool
    size: BatchSize = field(default_factory=BatchSize)
    form: BatchForm = field(default_factory=lambda: BatchForm(Form.PIPELINE))
    big: bool | None = None
    """Whether results are too big to hold whole. None until the first reply."""

    guard: AffectedGuard | None = None
    mapper: Mapper | None = None
    """Result rows go through it on their way to the sink."""

    judge: Judge | None = None
    """Of a check: every parameter set has a sink of its own, and the content of the answer decides the verdict."""

    order: Order | None = None
    """Of a write on several lanes whose parameters name rows: cuts its batches so that sets of one row stay in order."""

    apart: bool = False
    """Of a write: no two sets change a row in common."""

    ranges: RangeSource | None = None
    """Of a backfill: its source, which learns how the ranges went, and cuts one in two that failed."""

    transform: RangeTransform | None = None
    """Of a backfill whose logic is a Python function: makes the parameter sets of a range."""

    objects: ObjectSource | None = None
    """Of maintenance: its source, which gives no two objects of one table at the same time."""

    command: ObjectCommand | None = None
    """Of maintenance: executes the command for objects, and finds out what came of each."""

    remote: bool = False
    """Its batches are executed on other machines, which encode the rows."""

    record_started: Callable[[Batch, Sequence[int]], Awaitable[None]] | None = None
    """Of maintenance: makes durable that a set is about to be sent. If no end is recorded, its outcome is unknown."""

    confirm_owner: Callable[[], Awaitable[None]] | None = None
    """Of a write without markers: raises TakenOver if another process goes on with the run."""

    record_failures: Callable[[Sequence[Failure]], Awaitable[None]] | None = None
    """Of a write: makes durable which sets have failed, before later sets are applied that may change the same row."""

    record_commit: Callable[[float], None] | None = None
    """Of a write that a throttle watches: is given the seconds that each commit took."""

    refused: Failure | None = None
    """The server would not prepare the statement: nothing of this part is tried."""

    batch_sets: int | None = None
    """Sets of the batch that ended last; None before, and for a backfill, whose ranges are one set each."""

    unmet: str = ""
    """Of a read: what its query requires, and the target does not have. Nothing of this part is tried."""

    taken: int = 0
    exhausted: bool = False
    before: int = 0  # sets that ended in earlier processes of the run
    counts: Counts = field(default_factory=Counts)  # over all processes of the run; `skipped` when it has ended
    wrong: int = 0  # sets that did not end `ok` in this process

    async def before_send(self, batch: Batch, positions: Sequence[int], *, first: bool) -> None:
        """Do what the record of the run asks for before sets of `batch` are sent; `first`: in their first attempt."""
        if self.record_started is not None and first:
            await self.record_started(batch, positions)
        if self.confirm_owner is not None:
            await self.confirm_owner()

    def learn(self, result: BatchResult, attempt_s: float | None) -> None:
        """Adapt the size of the next batches to how `result` came about, in `attempt_s` seconds without pauses and waits."""
        if self.ranges is not None:
            self.ranges.settle(result, attempt_s)
            return
        if self.objects is not None:
            self.objects.settle(result.batch)
            if self.objects.together > 1:
                self.size.record(len(result.batch.sets), result.elapsed_s, 0, len(result.failures))
            return
        sets = self.batch_sets = len(result.batch.sets)
        if result.together and self.form.own_size:
            self.size.latency_s = result.elapsed_s / sets
        else:
            self.size.record(sets, result.elapsed_s, result.rows, len(result.failures))

    def shrink(self, batch: Batch, *, timed_out: bool) -> None:
        """Make the next batches smaller, because `batch` was too long, or stood in the way of other sessions."""
        self.size.halve()
        if self.ranges is not None:
            self.ranges.shrink(batch, timed_out=timed_out)

    @property
    def turns(self) -> Order | ObjectSource | None:
        """Decides when a lane may cut the next batch; None if it may at any time."""
        return self.order or self.objects

    @property
    def remaining(self) -> int | None:
        """Sets not yet taken, if the total is known."""
        return None if self.source.total is None else max(0, self.source.total - self.taken)

    @property
    def tried(self) -> int:
        """Sets that ended, in all processes of the run."""
        return self.counts.tried
