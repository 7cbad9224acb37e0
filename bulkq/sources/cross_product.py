"""The product of several sources: every set of the first with every set of the second, and so on."""

from __future__ import annotations

from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING

from bulkq.model import Batch, SourcePosition
from bulkq.model.frozen_dataclass import frozen
from bulkq.sources.skip_sets import skip_sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import ParameterSet
    from bulkq.sources.feed_parameter_source import BoundSource

HELD = 10_000
"""Sets that are read at a time while a source is taken into memory."""


@frozen
class Factor:
    """One source of the product and the parameters it gives."""

    source: BoundSource
    names: tuple[str, ...]


class CrossProduct:
    """A `ParameterSource`: the first factor is streamed and varies slowest, the others are held in memory."""

    def __init__(self, factors: Sequence[Factor], names: Sequence[str]) -> None:
        """Multiply `factors`, which together give every one of `names`; `open` must follow."""
        self._factors = factors
        self._first = factors[0].source
        self._held: list[list[ParameterSet]] = []
        there = [name for factor in factors for name in factor.names]
        self._order = tuple(there.index(name) for name in names)
        self._rows: Iterator[ParameterSet] = iter(())
        self._given = 0
        self.total: int | None = None
        self.typed = self._first.typed
        self.replayable = all(factor.source.replayable for factor in factors)
        self.texts = frozenset[str]().union(*(factor.source.texts for factor in factors))
        """Parameters whose values come as text."""

    async def open(self) -> None:
        """Read all sources but the first."""
        for factor in self._factors[1:]:
            sets: list[ParameterSet] = []
            while (batch := await factor.source.take(HELD, 0)) is not None:
                sets.extend(batch.sets)
            await factor.source.close()
            self._held.append(sets)
        inner = prod(map(len, self._held))
        first = self._first.total
        self.total = 0 if not inner else None if first is None else first * inner

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets of the product."""
        if self.total == 0:
            return None
        sets = list(islice(self._rows, size))
        if not sets:
            batch = await self._first.take(size, index)
            if batch is None:
                self.total = self._given
                return None
            self._rows = self._multiplied(batch.sets)
            sets = list(islice(self._rows, size))
        first = self._given + 1
        self._given += len(sets)
        end = SourcePosition(self._given, 0, 0, "") if self.replayable else None
        return Batch(index, first, sets, end=end)

    async def go_on(self, start: SourcePosition) -> None:
        """Go on behind `start`, before the first `take`; the sets in front of it are made once more.

        Raises:
            RefusedError: there are not so many sets.
        """
        await skip_sets(self, "--grid", start.n)

    def fraction(self) -> float | None:
        """By count where the total is known, else that of the first source."""
        if self.total is None:
            return self._first.fraction()
        return self._given / self.total if self.total else 1.0

    async def close(self) -> None:
        """Close every source; there are no more sets then."""
        self._rows = iter(())
        for factor in self._factors:
            await factor.source.close()

    def _multiplied(self, outer: Sequence[ParameterSet]) -> Iterator[ParameterSet]:
        order = self._order
        for parts in product(outer, *self._held):
            values = [value for part in parts for value in part]
            yield tuple([values[i] for i in order])
