"""The outcome of a batch while its segments are attempted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulkq.engine.batch_segments import joined
from bulkq.engine.failure_records import failure
from bulkq.model import BatchResult, Failure, Outcome, SetError
from bulkq.model.counts import changed_in_all

if TYPE_CHECKING:
    from bulkq.engine.batch_segments import Segment
    from bulkq.engine.part_state import PartState
    from bulkq.errors import DatabaseError
    from bulkq.model import Batch, PartSpec, Reply


@dataclass(slots=True)
class BatchOutcome:
    """The replies and failures of a batch so far."""

    part: PartState
    spec: PartSpec
    batch: Batch
    replies: list[tuple[Segment, Reply]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ok: int = 0
    changed: int = 0
    unanswered: list[Failure] = field(default_factory=list)
    attempts: int = 0
    retried: int = 0

    def add(self, segment: Segment, reply: Reply) -> None:
        """Add the reply to one segment."""
        self.replies.append((segment, reply))
        self.ok += len(segment.positions) - len(reply.errors)
        self.changed = changed_in_all(self.changed, reply.changed)

    def lose(self, segment: Segment, why: str) -> None:
        """Record that the sets of `segment` were applied and that their rows are lost."""
        for at in segment.positions:
            lost = SetError(at, None, why)
            self.unanswered.append(failure(self.spec, self.batch, at, lost, Outcome.OK, segment.attempts))

    def fail(
        self, position: int, error: DatabaseError | SetError, known: Outcome, attempts: int, timed_out: float | None
    ) -> None:
        """Record the failure of the set at `position`."""
        self.failures.append(failure(self.spec, self.batch, position, error, known, attempts, timed_out))

    def result(self, elapsed_s: float) -> BatchResult:
        """Return the result of the whole batch, when no segment is left to attempt."""
        columns, values, positions = joined(self.replies)
        return BatchResult(
            batch=self.batch,
            query=self.spec.query,
            target=self.spec.target,
            columns=columns,
            values=values,
            positions=positions,
            ok=self.ok,
            failures=tuple(sorted(self.failures, key=lambda f: f.n)),
            changed=self.changed,
            unanswered=tuple(self.unanswered),
            part=self.spec.number,
            attempts=self.attempts,
            retried=self.retried,
            elapsed_s=elapsed_s,
            together=any(reply.together for _, reply in self.replies),
        )
