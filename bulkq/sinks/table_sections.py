"""The rows of several queries for people: a heading and a table for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Decoding
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.csv_tsv import cell_text
from bulkq.sinks.table import SHOWN_ROWS, ShownRows, render_rows, shown_rows
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkq.model import BatchResult, Column, Query, SinkPosition
    from bulkq.sinks.extra_columns import ExtraColumns
    from bulkq.sinks.file_output import Output


READABLE = 24
"""Characters of a value in one line of its cell; longer ones are folded."""

GAP = 3
"""Blanks between two columns."""


@frozen
class SectionRows:
    """The rows of one batch, and where they belong."""

    query: str
    rows: ShownRows


class TableSections:
    """Keeps the first `limit` rows of each query and prints the tables at the end, in the order of the queries.

    Args:
        output: where they are printed.
        included: columns beside those of the result.
        titles: of the queries, by name, in the order of the page.
        limit: None shows every row.
        width: of the terminal in characters; None is as wide as the rows are.
        color: whether the terminal shows colors.
    """

    decoding = Decoding.TEXT
    finished = False

    def __init__(
        self,
        output: Output,
        included: ExtraColumns,
        titles: Mapping[str, str],
        *,
        limit: int | None = SHOWN_ROWS,
        width: int | None = None,
        color: bool = False,
    ) -> None:
        self.notices = output.notices
        self._output = output
        self._included = included
        self._titles = titles
        self._limit = limit
        self._width = width
        self._color = color
        self._written: list[SectionRows] = []
        self._answered: frozenset[str] = frozenset()

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """Any columns will do."""

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The payload is `SectionRows`; its weight is that of the rows that can be shown."""
        rows = shown_rows(result, self._included, self._limit)
        return SectionRows(result.query.name, rows), 64 * len(rows.shown) * len(rows.columns)

    async def write(self, payload: object) -> None:
        """Keep a piece."""
        assert isinstance(payload, SectionRows)
        self._written.append(payload)

    def mark(self) -> int:
        """The number of pieces so far."""
        return len(self._written)

    def back_to(self, mark: int) -> None:
        """Forget the pieces after `mark`."""
        del self._written[mark:]

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: rows are kept in memory until the end."""
        return ()

    def note_answers(self, names: Iterable[str]) -> None:
        """Note the queries that have been answered: those without rows have a heading too."""
        self._answered = frozenset(names)

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def close(self, *, complete: bool) -> None:
        """Print."""
        text = "\n".join(self._section(name, title) for name, title in self._titles.items() if self._has(name))
        written = self._output.append(text.encode("utf-8", "backslashreplace"))
        if written is not None:
            await written
        await self._output.finish(complete=complete)

    def discard(self) -> None:
        """Close without printing."""
        self._output.discard()

    def _has(self, name: str) -> bool:
        return name in self._answered or any(piece.query == name for piece in self._written)

    def _section(self, name: str, title: str) -> str:
        tables: dict[tuple[Column, ...], list[ShownRows]] = {}
        for piece in self._written:
            if piece.query == name and piece.rows.count:
                tables.setdefault(piece.rows.columns, []).append(piece.rows)
        count = sum(rows.count for some in tables.values() for rows in some)
        heading = f"{name}: {title} {counted(count, 'row') if count else 'No rows'}.\n"
        return heading + "".join(f"{self._table(columns, some)}" for columns, some in tables.items())

    def _table(self, columns: tuple[Column, ...], pieces: list[ShownRows]) -> str:
        rows = [row for piece in pieces for row in piece.shown][: self._limit]
        count = sum(piece.count for piece in pieces)
        narrow = self._width is not None and _width_of(columns, rows) > self._width
        return render_rows(columns, rows, more=count - len(rows), width=self._width, color=self._color, narrow=narrow)


def _width_of(columns: tuple[Column, ...], rows: list[tuple[object, ...]]) -> int:
    """The width from which on a table can be read: its names are whole, and long values are folded at `READABLE`."""
    cells = [
        [column.name, *("" if row[i] is None else cell_text(row[i]) for row in rows)]
        for i, column in enumerate(columns)
    ]
    return sum(max(len(column[0]), min(READABLE, max(map(len, column)))) + GAP for column in cells)
