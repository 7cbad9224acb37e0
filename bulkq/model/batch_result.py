"""A batch with everything that came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.failure import failure_counts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.batch import Batch
    from bulkq.model.failure import Failure
    from bulkq.model.query import Query
    from bulkq.model.reply import Column, EncodedReply


@frozen
class BatchResult:
    """A batch with everything that came of it. `positions` index into `batch.sets`, ascending."""

    batch: Batch
    query: Query
    target: str
    columns: tuple[Column, ...]
    values: Sequence[Sequence[object]]
    positions: Sequence[int]
    ok: int
    failures: tuple[Failure, ...] = ()
    skipped: int = 0
    changed: int = 0
    unanswered: tuple[Failure, ...] = ()  # sets that were applied, whose answers are lost: `outcome` is ok
    part: int = 1
    attempts: int = 1
    retried: int = 0
    elapsed_s: float = 0.0
    together: bool = False  # one statement has answered all sets
    superseded: bool = False  # nothing lasts of it, and other batches do its work: it counts nowhere
    encoded: EncodedReply | None = None  # see `Reply`

    @property
    def rows(self) -> int:
        """Number of result rows."""
        return len(self.positions)

    @property
    def counts(self) -> Counts:
        """What became of its sets."""
        failed = failure_counts(self.failures)
        return Counts(
            ok=self.ok,
            failed=failed.failed,
            unknown=failed.unknown,
            skipped=self.skipped + failed.skipped,
            retried=self.retried,
            changed=self.changed,
            unanswered=len(self.unanswered),
        )
