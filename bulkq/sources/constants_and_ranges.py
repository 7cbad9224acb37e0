"""Rows without a file: one row of constants, and ranges of whole numbers in constant memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.model import SourcePosition
from bulkq.sources.column_feed import ColumnBlock
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.sources.column_feed import WantedColumns

RANGE = compile_late(r"range:([^\W\d]\w*)=([+-]?[0-9]{1,30})\.\.([+-]?[0-9]{1,30})(?:/([+-]?[0-9]{1,30}))?", re.ASCII)


class SingleRow:
    """A feed of one row without columns: the constants and defaults make the parameter set."""

    name = ""
    columns: tuple[str, ...] | None = ()
    plain = True
    native = False
    replayable = True

    def __init__(self) -> None:
        """Begin."""
        self.total: int | None = 1
        self._given = False

    def want(self, wanted: WantedColumns) -> None:
        """Nothing is wanted of it."""

    async def read(self, most: int) -> ColumnBlock | None:
        """The row, once."""
        del most
        if self._given:
            return None
        self._given = True
        return ColumnBlock(1, ())

    def position(self, n: int) -> SourcePosition:
        """By count."""
        return SourcePosition(n, 0, 0, "")

    async def go_on(self, start: SourcePosition) -> bool:
        """Reading one row is as quick."""
        del start
        return False

    def fraction(self) -> float | None:
        """0.0 or 1.0."""
        return float(self._given)

    async def close(self) -> None:
        """Nothing is open."""


class RangeFeed:
    """A feed of whole numbers, or with a step of the slices (lo, hi] that cover them without gap or overlap.

    Args:
        spec: `range:id=1..1000000`, both ends included, or `range:id=1..1000000/1000`.
        text: numbers leave as text.
    """

    native = False
    replayable = True

    def __init__(self, spec: str, *, text: bool) -> None:
        """Parse `spec`."""
        name, first, last, step = _parse(spec)
        self._first, self._last, self._step = first, last, step or 1
        self._text = text
        self._given = 0
        self._picks: tuple[int, ...] = ()
        self.name = spec
        self.plain = text
        self.columns: tuple[str, ...] | None = (name,) if step is None else ("lo", "hi")
        self._offsets = (0,) if step is None else (-1, self._step - 1)
        self._count = -(-(last - first + 1) // self._step)
        self.total: int | None = self._count

    def want(self, wanted: WantedColumns) -> None:
        """Remember which of `lo` and `hi` come first."""
        self._picks = tuple(self._offsets[(self.columns or ()).index(name)] for name in wanted.names)

    async def read(self, most: int) -> ColumnBlock | None:
        """The next rows."""
        count = min(most, self._count - self._given)
        if count <= 0:
            return None
        start = self._first + self._given * self._step
        self._given += count
        return ColumnBlock(count, [self._column(start + offset, count) for offset in self._picks])

    def position(self, n: int) -> SourcePosition:
        """By count."""
        return SourcePosition(n, 0, 0, "")

    async def go_on(self, start: SourcePosition) -> bool:
        """By count; a range that is shorter now is read to its end, where that is noticed."""
        if start.n > self._count:
            return False
        self._given = start.n
        return True

    def fraction(self) -> float | None:
        """By count."""
        return self._given / self._count

    async def close(self) -> None:
        """Nothing is open."""

    def _column(self, start: int, count: int) -> Sequence[object]:
        numbers: Sequence[object] = range(start, start + count * self._step, self._step)
        if numbers[-1] > self._last:  # type: ignore[operator]  # the last slice ends with the range
            numbers = [*numbers[:-1], self._last]
        return list(map(str, numbers)) if self._text else numbers


def _parse(spec: str) -> tuple[str, int, int, int | None]:
    found = RANGE.fullmatch(spec)
    if found is None:
        raise ParameterError(f"-p {quoted(spec)}: write range:id=1..1000000, or range:id=1..1000000/1000")
    name, first, last = found[1], int(found[2]), int(found[3])
    step = None if found[4] is None else int(found[4])
    if last < first:
        raise ParameterError(f"-p {quoted(spec)}: the range ends before it starts")
    if step is not None and step < 1:
        raise ParameterError(f"-p {quoted(spec)}: the step must be 1 or more")
    return name, first, last, step
