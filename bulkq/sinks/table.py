"""The first rows as a table for people. The only sink that imports rich."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING

from bulkq.errors import StoppedError, UsageError
from bulkq.model import Decoding
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.csv_tsv import cell_text
from bulkq.sinks.extra_columns import is_rowcount
from bulkq.sinks.text_sink import check_same_columns
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bulkq.model import BatchResult, Column, Query, SinkPosition
    from bulkq.sinks.extra_columns import ExtraColumns
    from bulkq.sinks.file_output import Output

SHOWN_ROWS = 200
NARROWEST = 8
"""Characters that a column and its gap should have; with less, records are printed one below the other."""

NUMBERS = frozenset(
    {"int2", "int4", "int8", "smallint", "integer", "bigint", "numeric", "real", "float4", "float8", "oid"}
)


@frozen
class ShownRows:
    """The rows of one batch, as far as they can be shown, and how many there are."""

    columns: tuple[Column, ...]
    shown: tuple[tuple[object, ...], ...]
    count: int


class TableSink:
    """Keeps the first `limit` rows and prints them at the end."""

    decoding = Decoding.TEXT
    finished = False

    def __init__(
        self,
        output: Output,
        included: ExtraColumns,
        *,
        rowcounts: bool,
        limit: int | None = SHOWN_ROWS,
        width: int | None = None,
        color: bool = False,
    ) -> None:
        """Print to `output` at `close`; `limit` None shows every row, `width` None is as wide as the rows are."""
        self.notices = output.notices
        self._output = output
        self._included = included
        self._rowcounts = rowcounts
        self._limit = limit
        self._width = width
        self._color = color
        self._columns: tuple[Column, ...] | None = None
        self._first = ""
        self._rows: list[tuple[object, ...]] = []
        self._count = 0

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """See `Sink.describe`."""
        if columns and self._wanted(query, columns):
            self._agree(query.name, self._included.columns(query, columns), UsageError)

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The payload is `ShownRows`, or None; its weight is that of the rows that can be shown."""
        if (not result.columns and not result.rows) or not self._wanted(result.query, result.columns):
            return None, 0
        rows = shown_rows(result, self._included, self._limit)
        return rows, 64 * len(rows.shown) * len(rows.columns)

    async def write(self, payload: object) -> None:
        """Keep what fits into the table, count the rest."""
        if payload is None:
            return
        assert isinstance(payload, ShownRows)
        if payload.columns:
            self._agree("a later result", payload.columns, StoppedError)
        room = None if self._limit is None else max(0, self._limit - len(self._rows))
        self._rows.extend(payload.shown[:room])
        self._count += payload.count

    def mark(self) -> int:
        """The number of rows so far."""
        return self._count

    def back_to(self, mark: int) -> None:
        """Forget the rows after `mark`."""
        del self._rows[mark:]
        self._count = mark

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: rows are kept in memory until the end, also those for a file."""
        return ()

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def close(self, *, complete: bool) -> None:
        """Print."""
        if self._columns is not None:
            more = self._count - len(self._rows)
            text = render_rows(self._columns, self._rows, more=more, width=self._width, color=self._color)
            written = self._output.append(text.encode("utf-8", "backslashreplace"))
            if written is not None:
                await written
        await self._output.finish(complete=complete)

    def discard(self) -> None:
        """Close without printing."""
        self._output.discard()

    def _wanted(self, query: Query, columns: tuple[Column, ...]) -> bool:
        return self._rowcounts or not is_rowcount(query, columns)

    def _agree(self, name: str, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]) -> None:
        if self._columns is None:
            self._columns, self._first = columns, name
        elif columns is not self._columns:
            check_same_columns(self._first, self._columns, name, columns, kind)


def shown_rows(result: BatchResult, included: ExtraColumns, limit: int | None) -> ShownRows:
    """The first `limit` rows of `result`, with the columns that are included."""
    columns = included.columns(result.query, result.columns)
    rows = islice(zip(*included.values(result), strict=True), limit)
    return ShownRows(columns, tuple(rows), result.rows)


def render_rows(
    columns: tuple[Column, ...],
    rows: Sequence[tuple[object, ...]],
    *,
    more: int,
    width: int | None,
    color: bool,
    narrow: bool = False,
) -> str:
    """The lines of a table, or of records if the terminal is too narrow for it, and how many `more` rows there are."""
    if narrow or (width is not None and NARROWEST * len(columns) > width):
        text = "\n".join(list_records(columns, rows))
    else:
        console, buffer = _console(width, color=color)
        console.print(_table(columns, rows))
        text = "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
    note = f"... {counted(more, 'more row')}, use -o FILE\n" if more else ""
    return f"{text}\n{note}" if text else note


def _console(width: int | None, *, color: bool) -> tuple[Console, io.StringIO]:
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width or 100_000,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    return console, buffer


def _table(columns: tuple[Column, ...], rows: Sequence[tuple[object, ...]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        numeric = column.type.partition("(")[0] in NUMBERS or _numeric([row[index] for row in rows])
        table.add_column(_shown(column.name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_shown, row))
    return table


def _numeric(values: Sequence[object]) -> bool:
    kinds = set(map(type, values)) - {type(None)}
    return bool(kinds) and kinds <= {int, float}


def _shown(value: object) -> Text:
    from rich.text import Text

    return Text("NULL", style="dim italic") if value is None else Text(escape_unprintable(cell_text(value)))


def list_records(columns: tuple[Column, ...], rows: Sequence[tuple[object, ...]]) -> list[str]:
    """One line per value, for results with too many columns for the terminal."""
    names = [escape_unprintable(column.name) for column in columns]
    widest = max(map(len, names))
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(f"-[ {number} ]" + "-" * max(0, widest + 4 - len(str(number))))
        for name, value in zip(names, row, strict=True):
            lines.append(f"{name:<{widest}}  {'NULL' if value is None else escape_unprintable(cell_text(value))}")
    return lines
