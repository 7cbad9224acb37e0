"""The sets of a batch that are attempted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Batch


@dataclass(slots=True)
class Segment:
    """Sets of a batch that are attempted together."""

    positions: Sequence[int]
    attempts: int = 0
    once: bool = False  # the single retry of Action.ONCE or SWITCH was used
    in_doubt: bool = False  # COMMIT was sent and its answer lost: exactly this segment is sent again
    alone: bool = False  # the driver sends it outside a transaction, whatever was asked for


def segments_of(batch: Batch, idents: Sequence[int]) -> Iterable[Segment]:
    """The whole batch, or one segment per run of sets with the same identifiers (indexes `idents`): another name is another statement."""
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
    """Both halves of a segment, or the segment itself if it holds one set."""
    positions = segment.positions
    if len(positions) == 1:
        return [segment]
    middle = len(positions) // 2
    return [Segment(positions[:middle], segment.attempts), Segment(positions[middle:], segment.attempts)]
