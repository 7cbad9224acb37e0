"""Parameter sets from Parquet and Arrow files: row groups are streamed, and values keep their types."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.columnar.columns_to_parameters import LossyValueError, values_of
from bulkq.columnar.read_input_file import BadFileError, open_rows
from bulkq.errors import ParameterError
from bulkq.model import SourcePosition
from bulkq.sources.column_feed import ColumnBlock
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.columnar.arrow_types import RecordBatch
    from bulkq.sources.column_feed import WantedColumns


class ColumnarFeed:
    """A feed over the rows of a file, of which one piece is in memory.

    Args:
        path: of the file.
        form: "parquet" or "arrow".
        text: scalars leave as text, which the target converts.

    Raises:
        ParameterError: it is not such a file, or not complete.
    """

    plain = False
    native = True
    replayable = True

    def __init__(self, path: str, form: str, *, text: bool) -> None:
        self.name = escape_unprintable(path)
        try:
            self._rows = open_rows(path, form)
        except BadFileError as error:
            raise ParameterError(f"{self.name}: {error}") from error
        self._text = text
        self._names: tuple[str, ...] = ()
        self._given = 0
        self._pieces: Iterator[RecordBatch] | None = None
        self._values: Sequence[Sequence[object]] = ()
        self._begin = self._end = 0  # rows of the piece in memory
        self.columns: tuple[str, ...] | None = tuple(self._rows.schema.names)
        self.total: int | None = self._rows.rows

    def want(self, wanted: WantedColumns) -> None:
        """Read these columns and no others."""
        self._names = wanted.names

    async def read(self, most: int) -> ColumnBlock | None:
        """The next rows of the present piece.

        Raises:
            ParameterError: a value cannot be passed on exactly, or the file is damaged.
        """
        assert self.total is not None
        if self._given >= self.total:
            return None
        if not self._names:
            return self._block(min(most, self.total - self._given), ())
        if self._given >= self._end:
            await asyncio.to_thread(self._next)
        first = self._given - self._begin
        count = min(most, self._end - self._given)
        return self._block(count, [column[first : first + count] for column in self._values])

    def position(self, n: int) -> SourcePosition:
        """By count."""
        return SourcePosition(n, 0, 0, "")

    async def go_on(self, start: SourcePosition) -> bool:
        """Go on at the row group that holds the next row; a file that is shorter now is read to its end, where that is noticed."""
        if start.n > (self.total or 0):
            return False
        self._given = self._begin = self._end = start.n
        return True

    def fraction(self) -> float | None:
        """The part of the rows that was read."""
        return self._given / self.total if self.total else 1.0

    async def close(self) -> None:
        """Close the file."""
        self._pieces = None
        self._rows.close()

    def _block(self, count: int, columns: Sequence[Sequence[object]]) -> ColumnBlock:
        first = self._given + 1
        self._given += count
        return ColumnBlock(count, columns, range(first, first + count))

    def _next(self) -> None:
        """Read the next piece, in a thread."""
        if self._pieces is None:
            self._pieces = self._rows.batches(self._names, self._given)
        try:
            piece = next(self._pieces, None)
        except BadFileError as error:
            raise ParameterError(f"{self.name}:{self._given + 1}: {error}") from error
        if piece is None:
            raise ParameterError(f"{self.name}:{self._given + 1}: the file ends before its last row: it is damaged")
        self._values = [self._column(name, piece.column(name)) for name in self._names]
        self._begin, self._end = self._given, self._given + piece.num_rows

    def _column(self, name: str, array: object) -> Sequence[object]:
        try:
            return values_of(array, text=self._text)
        except LossyValueError as error:
            row = self._given + error.index + 1
            raise ParameterError(f"{self.name}:{row}: column {quoted(name)} {error}") from error
