"""`BoundSource`, the one `ParameterSource` over every feed: cuts batches, numbers them, turns columns into parameter sets.

A feed knows a format; a `ColumnBinding` knows the query. Both meet here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.model import Batch
from bulkq.sources.skip_sets import skip_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import SourcePosition
    from bulkq.sources.bind_columns import ColumnBinding
    from bulkq.sources.column_feed import Feed


class BoundSource:
    """A `ParameterSource` over `feed`. The first error is final: every later `take` raises it again."""

    def __init__(self, feed: Feed, binding: ColumnBinding, *, typed: bool) -> None:
        """Bind the columns of `feed` to the parameters."""
        feed.want(binding.wanted)
        self._feed = feed
        self._binding = binding
        self._given = 0
        self._ended = False
        self._error: ParameterError | None = None
        self.total = feed.total
        self.typed = typed
        self.replayable = feed.replayable
        self.texts = frozenset(field.parameter.name for field in binding.fields if field.is_text)
        """Parameters whose values come as text."""

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None at the end and after `close`.

        Raises:
            ParameterError: the source cannot be read on; none of this batch is given.
        """
        if self._error is not None:
            raise self._error
        block = None if self._ended else await self._block(size)
        if block is None:
            return None
        sets, lines = block
        first = self._given + 1
        self._given += len(sets)
        return Batch(index, first, sets, lines, self._feed.name if lines else "", self._feed.position(self._given))

    async def go_on(self, start: SourcePosition) -> None:
        """Go on behind `start`, before the first `take`: the next set is number `start.n + 1`.

        Raises:
            RefusedError: there are not so many sets.
        """
        if await self._feed.go_on(start):
            self._given = start.n
        else:
            await skip_sets(self, self._feed.name, start.n)

    async def _block(self, size: int) -> tuple[list[tuple[object, ...]], Sequence[int]] | None:
        try:
            block = await self._feed.read(size)
            if block is None:
                self._ended = True
                self.total = self._given
                return None
            return self._binding.sets(block), block.lines
        except ParameterError as error:
            self._error = error
            raise

    def fraction(self) -> float | None:
        """How much of the source was consumed, 0.0 to 1.0; None if unknown."""
        return self._feed.fraction()

    async def close(self) -> None:
        """Close the feed; the source is at its end then."""
        self._ended = True
        await self._feed.close()
