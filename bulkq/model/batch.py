"""A batch of parameter sets, and how far its source had been read at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.attempt_steps import AttemptSteps
    from bulkq.model.query import ParameterSet, Query
    from bulkq.model.shard import Shard


@frozen
class SourcePosition:
    """How far a source had been read at the end of a batch: where `resume` goes on."""

    n: int  # parameter sets before this point
    offset: int  # bytes consumed; 0 for sources that are counted, not read
    line: int  # lines consumed
    digest: str  # of the consumed bytes, hex; "" for sources that are counted


@frozen
class Batch:
    """Consecutive parameter sets that travel together: one hop, one transaction, one step of progress."""

    index: int  # 0-based place in the run; the order of output
    first: int  # 1-based number of its first parameter set, with a shard its place there; it never changes
    sets: Sequence[ParameterSet]
    lines: Sequence[int] = ()  # line of each set in its source file; empty where lines mean nothing
    source: str = ""  # "customers.csv", or "" where there is no file
    end: SourcePosition | None = None  # of the source after this batch, where it can be sought
    repeats: bool = False  # of a write: several sets may change the same row, so they are executed in their order
    statement: Query | None = None  # that its only set is executed with; None: that of the part
    key_range: str = ""  # the condition of a range of a table's key, for people
    steps: AttemptSteps | None = None  # around the statement, in the transaction of its only set
    names: Sequence[str] = ()  # of maintenance: of each object, in place of a source
    shard: Shard | None = None  # whose sets these are, of an input that several runs share

    def slice(self, position: int, size: int) -> Batch:
        """The `size` sets from `position` on, of a batch whose sets have names and no lines; itself if these are all."""
        if size == len(self.sets):
            return self
        upto = position + size
        sets, names = self.sets[position:upto], self.names[position:upto]
        return Batch(  # `replace` takes four times as long, and small objects are executed one by one
            self.index,
            self.first + position,
            sets,
            self.lines,
            self.source,
            self.end,
            self.repeats,
            self.statement,
            self.key_range,
            self.steps,
            names,
            self.shard,
        )

    def number(self, position: int) -> int:
        """The number of the set at `position` in the whole input, from 1."""
        place = self.first + position
        return place if self.shard is None else self.shard.number(place)

    def origin(self, position: int) -> str:
        """`customers.csv:119` of the set at `position`, the name of an object, or "" where it came from neither."""
        if self.names:
            return self.names[position]
        if not self.source:
            return ""
        return f"{self.source}:{self.lines[position]}" if self.lines else self.source
