r"""The text format of COPY: tabs between fields, `\N` for NULL, no quotes, backslashes before what would end a field.

With a header, as `COPY ... WITH (HEADER)` writes it from PostgreSQL 15 on. `mysqldump --tab` and `SELECT ... INTO OUTFILE` write
the same. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.sources.csv_tsv import DelimitedFeed
from bulkq.sources.line_reader import decode_lines, not_utf8, nul_found
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.sources.line_reader import LineReader

COPY_NULL = "\\N"
ESCAPED = compile_late(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}

RARE = compile_late(r"\\(?:[x0-7]|\r?(?:\n|$))|^\\\.\r?$", re.MULTILINE)
"""What needs a look at its line."""

ENDING = compile_late(r"(?<!\\)(?:\\\\)*\\$")

DOUBTFUL = compile_late(r"""(?:^|[\t\n])"|\\(?!N(?:[\t\r\n]|$))|(?<=[^\t\n])\\N""")
"""Characters that the text format of COPY and TSV with quotes read differently."""


class CopyText(DelimitedFeed):
    """A feed of the rows below a header, in the text format of COPY."""

    quotes = False

    def __init__(self, reader: LineReader, null: str | None) -> None:
        r"""Read from `reader`; NULL is `\N` unless `null` is another marker."""
        super().__init__(reader, "\t", COPY_NULL if null is None else null)

    async def _records(self, most: int) -> tuple[list[list[str]], Sequence[int]] | None:
        """The header: the first line that is not blank."""
        while True:
            await self._reader.ready()
            lines, data = self._reader.block(most)
            if not lines:
                return None
            self._reader.consumed(data)
            text = decode_lines(self.name, data, self._reader.line).rstrip("\r\n")
            self._look(text, self._reader.line)
            if text:
                return [[_unescaped(name) for name in text.split(self._delimiter)]], [self._reader.line]

    def _look(self, text: str, first: int) -> None:
        r"""Refuse `\.`, an escaped end of line, and bytes that are no text.

        Raises:
            ParameterError: with the line.
        """
        if not RARE.search(text):
            return
        for number, line in enumerate(text.split("\n"), first):
            try:
                if line.rstrip("\r") == "\\." or ENDING.search(line.rstrip("\r")):
                    raise ParameterError(f"{self.name}:{number}: {STRAY}")
                if "\0" in _unescaped(line):
                    raise nul_found(self.name, number)
            except UnicodeDecodeError as error:
                raise not_utf8(self.name, number, error.object[error.start]) from error

    def _nulls(self, column: Sequence[str]) -> Sequence[object]:
        return [_unescaped(v) if isinstance(v, str) and "\\" in v else v for v in super()._nulls(column)]


class EitherText(DelimitedFeed):
    r"""TSV with `\N` for NULL, whose format was not named: it is read as far as quoted TSV and COPY's text format say the same."""

    def __init__(self, reader: LineReader) -> None:
        """Read from `reader`."""
        super().__init__(reader, "\t", COPY_NULL)

    def _look(self, text: str, first: int) -> None:
        """Refuse a line that they read differently.

        Raises:
            ParameterError: the first of them, with the option that says which it is.
        """
        found = DOUBTFUL.search(text)
        if found is not None:
            line = first + text.count("\n", 0, found.start() + (found[0][0] == "\n"))
            raise ParameterError(f"{self.name}:{line}: {WHICH}")


STRAY = r"a backslash that ends the line, or \. alone: write a line break as \n, and end the file with its last row"
WHICH = (
    r"quotes or backslashes: use --params-format copy for the text format of COPY (\n, \t, \\), "
    "or --params-format tsv for fields in quotes"
)


def _unescaped(text: str) -> str:
    """A field as COPY reads it.

    Raises:
        UnicodeDecodeError: its bytes are not UTF-8.
    """
    return ESCAPED.sub(_character, text.encode()).decode() if "\\" in text else text


def _character(found: re.Match[bytes]) -> bytes:
    digits, octal, letter = found.groups()
    if letter is not None:
        return LETTERS.get(letter, letter)
    return bytes([int(digits, 16) if digits is not None else int(octal, 8) & 0xFF])
