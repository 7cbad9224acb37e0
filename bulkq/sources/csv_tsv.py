"""CSV and TSV. A block of lines without a quote character is split in C; the others go through `csv`.

The rules are those of RFC 4180 and of COPY: a quoted field may hold delimiters, line ends and doubled quotes. A field that is
empty, or the marker for NULL where there is one, is NULL if it has no quotes; quoted it is text (`bulkq.sources.quoted_fields`).
An empty line is an empty field where there is one column, as COPY has it, and no row where there are more.
"""

from __future__ import annotations

import csv
import io
from itertools import repeat
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError, join_errors
from bulkq.sources.column_feed import ColumnBlock
from bulkq.sources.line_reader import MOST_RECORD, begin_text, decode_lines
from bulkq.sources.quoted_fields import Quotes
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import SourcePosition
    from bulkq.sources.column_feed import WantedColumns
    from bulkq.sources.line_reader import LineReader

QUOTED_NULL = '""'
"""The marker for NULL of files that quote every field."""

UNFINISHED = "unexpected end of data"
"""What `csv` says in strict mode when its input ends inside quotes."""


class DelimitedFeed:
    """A feed of the rows below a header."""

    plain = True
    native = False
    quotes = True
    """A quote opens a field; else it is a character like others."""

    def __init__(self, reader: LineReader, delimiter: str, null: str | None) -> None:
        """Read from `reader`; `open` must follow. With QUOTED_NULL for `null`, an empty field is NULL in quotes too."""
        self._told_apart = null != QUOTED_NULL
        null = null if self._told_apart else None
        self._reader = reader
        self._delimiter = delimiter
        self._separator = delimiter.encode()
        self._null = null
        self._quotes = Quotes(delimiter, null or "")
        self._picks: tuple[int, ...] = ()
        self._header: tuple[str, ...] = ()
        self.name = reader.name
        self.columns: tuple[str, ...] | None = ()
        self.header_line = 1
        self.total: int | None = None
        self.replayable = reader.replayable

    async def open(self) -> None:
        """Read the header.

        Raises:
            ParameterError: there is none.
        """
        csv.field_size_limit(4 * MOST_RECORD)  # its own limit, 128 kB, is less than a document; ours speaks first
        await begin_text(self._reader)
        found = await self._records(1)
        if found is None:
            raise ParameterError(f"{self.name}: the file is empty: write the column names on the first line")
        rows, lines = found
        self._header, self.header_line = tuple(map(str, self._quotes.texts(rows[0]))), lines[0]
        self.columns = self._header
        if self._reader.size is not None and self._reader.offset >= self._reader.size:
            self.total = 0

    def want(self, wanted: WantedColumns) -> None:
        """Remember where in a row the wanted columns are."""
        places = {name: place for place, name in reversed(list(enumerate(self._header)))}
        self._picks = tuple(places[name] for name in wanted.names)

    async def read(self, most: int) -> ColumnBlock | None:
        """The next rows; with several columns, blank lines are skipped.

        Raises:
            ParameterError: `rows.csv:88: 2 fields, the header has 3`, for every such line of the block.
        """
        while True:
            await self._reader.ready()
            first = self._reader.line + 1
            lines, data = self._reader.block(most)
            if not lines:
                return None
            text = decode_lines(self.name, data, first)
            self._look(text, first)
            if self.quotes and '"' in text:
                self._reader.push_back(lines)
                found = await self._records(most)
                return self._quoted(*found) if found else None
            self._reader.consumed(data)
            block = self._plain(lines, text, first)
            if block.count:
                return block

    def position(self, n: int) -> SourcePosition | None:
        """Behind the line that ends row `n`."""
        return self._reader.position(n, self._reader.line)

    async def go_on(self, start: SourcePosition) -> bool:
        """In a file that is proven the same."""
        return self._reader.go_on(start)

    def fraction(self) -> float | None:
        """By bytes."""
        return self._reader.fraction()

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _look(self, text: str, first: int) -> None:
        """Refuse lines, from line `first` on, that another format may be meant by; none here."""

    def _plain(self, lines: list[bytes], text: str, first: int) -> ColumnBlock:
        """Rows of a block without a quote: every line is a row, every delimiter separates."""
        numbers: Sequence[int] = range(first, first + len(lines))
        if "\r" in text:
            text = text.replace("\r\n", "\n")
            if "\r" in text:
                raise ParameterError(f"{self.name}:{first + text.count(chr(10), 0, text.index(chr(13)))}: {CARRIAGE}")
        text = text.removesuffix("\n")
        width = len(self._header)
        blank = not text or text[0] == "\n" or text[-1] == "\n" or "\n\n" in text
        if blank and width > 1:
            kept = [(n, line, row) for n, line, row in zip(numbers, lines, text.split("\n"), strict=True) if row]
            if not kept:
                return ColumnBlock(0, ())
            numbers, lines = [n for n, _, _ in kept], [line for _, line, _ in kept]
            text = "\n".join([row for _, _, row in kept])
        single = width == 1 and self._delimiter not in text  # then no line needs a look of its own
        if not single and set(map(bytes.count, lines, repeat(self._separator))) != {width - 1}:
            raise self._wrong([line.count(self._separator) + 1 for line in lines], numbers)
        fields = text.replace("\n", self._delimiter).split(self._delimiter)
        return ColumnBlock(len(lines), [self._nulls(fields[i::width]) for i in self._picks], numbers)

    def _quoted(self, rows: list[list[str]], numbers: Sequence[int]) -> ColumnBlock:
        width = len(self._header)
        if set(map(len, rows)) != {width}:
            raise self._wrong(list(map(len, rows)), numbers)
        columns = list(zip(*rows, strict=True))
        return ColumnBlock(len(rows), [self._quotes.texts(self._nulls(columns[i])) for i in self._picks], numbers)

    def _nulls(self, column: Sequence[str]) -> Sequence[object]:
        if self._null is None:
            return [v or None for v in column] if "" in column else column
        return [None if v == self._null else v for v in column] if self._null in column else column

    def _wrong(self, widths: list[int], numbers: Sequence[int]) -> Exception:
        width = len(self._header)
        sign = "tab" if self._delimiter == "\t" else "comma"
        fewer, more = f"an empty field keeps its {sign}", f"quote a field that holds a {sign}"
        return join_errors(
            ParameterError,
            (
                f"{self.name}:{line}: {counted(n, 'field')}, the header has {width}; {fewer if n < width else more}"
                for n, line in zip(widths, numbers, strict=True)
                if n != width
            ),
        )

    async def _records(self, most: int) -> tuple[list[list[str]], Sequence[int]] | None:
        """The next 1 to `most` records and the lines they begin on; None at the end."""
        wanted = most
        while True:
            await self._reader.ready()
            lines, data = self._reader.block(wanted)
            if not lines:
                return None
            first = self._reader.line - len(lines) + 1
            text = decode_lines(self.name, data, first)
            rows, ends, unfinished = self._parsed(text, first)
            if self._told_apart:
                self._quotes.mark(rows, ends, text)
            if unfinished and not ends:
                await self._unclosed(lines, first)
                wanted = 2 * len(lines)
                continue
            used = ends[min(most, len(ends)) - 1]
            self._reader.push_back(lines[used:])
            self._reader.consumed(data if used == len(lines) else b"".join(lines[:used]))
            rows, begins = rows[:most], [first, *(first + end for end in ends)]
            if [] in rows and len(self._header) == 1:
                rows = [row or [""] for row in rows]
            if [] in rows:
                pairs = [(row, line) for row, line in zip(rows, begins, strict=False) if row]
                if not pairs:
                    continue
                return [row for row, _ in pairs], [line for _, line in pairs]
            return rows, range(first, first + used) if used == len(rows) else begins[: len(rows)]

    async def _unclosed(self, lines: list[bytes], first: int) -> None:
        """Give `lines`, which end within quotes, back and see that there is more to come."""
        size = sum(map(len, lines))
        await self._reader.ready()
        more = self._reader.lines(1)
        self._reader.push_back(lines + more)
        if not more:
            raise ParameterError(
                f'{self.name}:{first}: the quote (") opened here is not closed: close it, or write a literal quote twice'
            )
        if size > MOST_RECORD:
            raise ParameterError(
                f'{self.name}:{first}: the quote (") opened here is not closed within {MOST_RECORD >> 20} MB'
            )

    def _parsed(self, text: str, first: int) -> tuple[list[list[str]], Sequence[int], bool]:
        """Records of `text`, the number of lines up to the end of each, and whether it ends within quotes."""
        reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=self._delimiter, strict=True)
        try:
            rows = list(reader)
        except csv.Error:
            return self._carefully(text, first)
        if len(rows) == reader.line_num:
            return rows, range(1, len(rows) + 1), False
        return self._carefully(text, first)

    def _carefully(self, text: str, first: int) -> tuple[list[list[str]], Sequence[int], bool]:
        reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=self._delimiter, strict=True)
        rows: list[list[str]] = []
        ends: list[int] = []
        try:
            for row in reader:
                rows.append(row)
                ends.append(reader.line_num)
        except csv.Error as error:
            if str(error) == UNFINISHED:
                return rows, ends, True
            line = first + (ends[-1] if ends else 0)
            why = AFTER_QUOTE if "expected after" in str(error) else CARRIAGE
            raise ParameterError(f"{self.name}:{line}: {why}") from error
        return rows, ends, False


AFTER_QUOTE = 'text after a closing quote ("): write a quote inside a quoted field twice'
CARRIAGE = "a carriage return outside quotes that is not part of a line end: end lines with LF or CR LF"
