"""The sets of a batch that are attempted together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import mutable
from bulkq.policy.retry import OF_DISK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.errors import DatabaseError
    from bulkq.model import Batch, Column, Reply


@mutable
class Segment:
    """Sets of a batch that are attempted together."""

    positions: Sequence[int]
    attempts: int = 0
    once: bool = False  # the single retry of Action.ONCE or SWITCH was used
    in_doubt: bool = False  # COMMIT was sent and its answer lost: exactly this segment is sent again
    apart: bool = False  # its sets are executed one by one: one statement for all of them has failed
    alone: bool = False  # the driver sends it outside a transaction, whatever was asked for
    disk_errors: int = 0  # that left the outcome open

    def stays_open(self, error: DatabaseError, retries: int) -> bool:
        """Whether more than `retries` errors of the disk have left the outcome open, `error` included: waiting does not settle it."""
        self.disk_errors += (error.sqlstate or "").startswith(OF_DISK)
        return self.disk_errors > retries


def segments_of(batch: Batch, idents: Sequence[int]) -> Iterable[Segment]:
    """Return one segment for each run of sets with the same identifiers (indexes `idents`); each needs its own statement."""
    if not idents:
        return [Segment(range(len(batch.sets)))]
    segments: list[Segment] = []
    last: tuple[object, ...] | None = None
    for position, values in enumerate(batch.sets):
        names = tuple(values[i] for i in idents)
        if names != last:
            segments.append(Segment([]))
            last = names
        segments[-1].positions = [*segments[-1].positions, position]
    return segments


def halves(segment: Segment) -> list[Segment]:
    """Return both halves of a segment, or the segment itself if it has one set."""
    positions = segment.positions
    if len(positions) == 1:
        return [segment]
    middle = len(positions) // 2
    return [Segment(positions[:middle], segment.attempts), Segment(positions[middle:], segment.attempts)]


def pieces(segment: Segment, size: int | None) -> list[Segment]:
    """Return pieces of at most `size` sets, not `apart`, or the segment itself if it has no more."""
    positions = segment.positions
    if size is None or len(positions) <= size:
        return [segment]
    return [Segment(positions[start : start + size], segment.attempts) for start in range(0, len(positions), size)]


def joined(
    replies: list[tuple[Segment, Reply]],
) -> tuple[tuple[Column, ...], Sequence[Sequence[object]], Sequence[int]]:
    """Return columns, values and batch positions of all replies, with rows in the order of the sets."""
    if not replies:
        return (), (), ()
    if len(replies) == 1 and isinstance(replies[0][0].positions, range):
        only = replies[0][1]
        return only.columns, only.values, only.positions
    columns = max((reply.columns for _, reply in replies), key=len)
    rows: list[tuple[int, tuple[object, ...]]] = []
    for segment, reply in replies:
        rows.extend(zip((segment.positions[p] for p in reply.positions), zip(*reply.values, strict=True), strict=False))
    rows.sort(key=lambda row: row[0])
    values = list(zip(*(row for _, row in rows), strict=True)) or [()] * len(columns)
    return columns, values, [position for position, _ in rows]
