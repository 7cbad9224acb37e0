"""The outcome of a batch while its segments are attempted."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from bulkq.engine.batch_segments import Segment, joined
from bulkq.engine.failure_records import failure
from bulkq.errors import ObjectsApart
from bulkq.model import ANSWER_LOST, BatchResult, Failure, Outcome, Reply, SetError
from bulkq.model.counts import changed_in_all
from bulkq.model.frozen_dataclass import mutable
from bulkq.model.maintenance import OWN_TEXTS
from bulkq.model.own_error_states import MARKER_EARLY
from bulkq.policy.server_error_advice import COMMITTED_EARLY

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState
    from bulkq.errors import AlreadyApplied, DatabaseError, ObjectSkipped
    from bulkq.model import Batch, PartSpec


@mutable
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
    superseded: bool = False
    attempt_s: float | None = None  # of the attempt that went through

    def add(self, segment: Segment, reply: Reply) -> None:
        """Add the reply to one segment."""
        self.replies.append((segment, reply))
        self.ok += len(segment.positions) - len(reply.errors)
        self.changed = changed_in_all(self.changed, reply.changed)

    def accept(self, segment: Segment, there: AlreadyApplied) -> list[Segment]:
        """Count the sets of an existing marker as applied, and return what is left. The rows that they returned are lost.

        If the marker is our own and no COMMIT was sent, the statement itself committed it before its work, so it proves nothing.
        """
        first = self.batch.first
        if there.ours and not segment.in_doubt:
            error = SetError(0, MARKER_EARLY, COMMITTED_EARLY)
            for at in segment.positions:
                self.failures.append(failure(self.spec, self.batch, at, error, Outcome.UNKNOWN, segment.attempts))
            return []
        count = sum(1 for position in segment.positions if first + position <= there.last)
        self.ok += count
        self.changed = changed_in_all(self.changed, there.rows)
        if self.part.guard is not None:
            self.part.guard.settle(0, there.rows)
        if self.spec.answers:
            for at in segment.positions[:count]:
                lost = SetError(at, None, ANSWER_LOST)
                self.unanswered.append(failure(self.spec, self.batch, at, lost, Outcome.OK, self.attempts))
        rest = segment.positions[count:]
        return [Segment(rest)] if rest else []

    def lose(self, segment: Segment, why: str) -> None:
        """Record that the sets of `segment` were applied and that their rows are lost."""
        for at in segment.positions:
            lost = SetError(at, None, why)
            self.unanswered.append(failure(self.spec, self.batch, at, lost, Outcome.OK, segment.attempts))

    def divide(self, segment: Segment, why: ObjectSkipped | ObjectsApart) -> list[Segment]:
        """Record what came of the objects of `segment`, and return those that are left, each by itself."""
        at = segment.positions
        apart = why if isinstance(why, ObjectsApart) else ObjectsApart((), {0: (Outcome.SKIPPED, str(why))}, ())
        own = not isinstance(why, ObjectsApart) and why.own
        if apart.done:
            self.add(Segment([at[n] for n in apart.done]), Reply((), (), ()))
        for n, (known, reason) in apart.ended.items():
            self.fail(at[n], SetError(n, None, reason, own=own), known, segment.attempts, None)
        return [Segment((at[n],)) for n in apart.left]

    def fail(
        self, position: int, error: DatabaseError | SetError, known: Outcome, attempts: int, timed_out: float | None
    ) -> None:
        """Record the failure of the set at `position`."""
        made = failure(self.spec, self.batch, position, error, known, attempts, timed_out)
        if self.part.objects is not None:
            made = replace(made, valueless=self._valueless(error, made.message))
        self.failures.append(made)

    def _valueless(self, error: DatabaseError | SetError, message: str) -> tuple[str, ...]:
        """A message of bulkq's own; else its texts, and the names of the objects of the batch, which come from the catalog."""
        if isinstance(error, SetError) and error.own:
            return (message,)
        shown = [str(name) for values in self.batch.sets for name in values]
        return (*OWN_TEXTS, *shown, *(name.partition(".")[2] for name in shown))

    def result(self, elapsed_s: float) -> BatchResult:
        """Return the result of the whole batch, when no segment is left to attempt."""
        columns, values, positions = joined(self.replies)
        encoded = self.replies[0][1].encoded if len(self.replies) == 1 else None
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
            superseded=self.superseded,
            encoded=encoded,
        )


def piece(spec: PartSpec, batch: Batch, reply: Reply) -> BatchResult:
    """Return a piece of a streamed result. Its set is not counted yet."""
    return BatchResult(
        batch=batch,
        query=spec.query,
        target=spec.target,
        columns=reply.columns,
        values=reply.values,
        positions=reply.positions,
        ok=0,
        encoded=reply.encoded,
    )
