r"""CSV and TSV, byte for byte as PostgreSQL's `COPY ... TO STDOUT (FORMAT csv, HEADER)`.

Quoting follows `CopyAttributeOutCSV` in PostgreSQL's copyto.c: the delimiter, the quote, line breaks, the empty string
(which would read as NULL) and a lone `\.`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

from bulkq.model import Column, Decoding
from bulkq.text.json_text import json_text
from bulkq.text.pg_text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Delimited:
    """Values separated by `delimiter`, one header line."""

    decoding = Decoding.TEXT
    alike = True
    separator = b""
    ending = b"\n"

    def __init__(self, delimiter: str) -> None:
        """Take a delimiter of one character, `,` or a tab."""
        self.delimiter: str | None = delimiter
        self._delimiter = delimiter
        self._special = re.compile(f'[{delimiter}"\n\r]').search

    def problem(self, columns: tuple[Column, ...]) -> str | None:
        """CSV takes any columns, two of one name as well."""
        del columns
        return None

    def head(self, columns: tuple[Column, ...]) -> bytes:
        """The header line."""
        names = self._quoted([column.name for column in columns], single=len(columns) == 1)
        return (self._delimiter.join(names) + "\n").encode("utf-8", "backslashreplace")

    def tail(self, columns: tuple[Column, ...] | None, *, empty: bool) -> bytes:
        """Without rows the header stands alone, where the columns are known."""
        return self.head(columns) if empty and columns else b""

    def encode(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]], count: int) -> bytes:
        """`count` lines."""
        single = len(columns) == 1
        cells = [self._cells(column, single=single) for column in values]
        row = self._delimiter.join(["%s"] * len(columns)) + "\n"
        # One formatting of all rows is half as dear as one per row.
        text = row * count % tuple(chain.from_iterable(zip(*cells, strict=True)))
        return text.encode("utf-8", "backslashreplace")

    def _cells(self, column: Sequence[object], *, single: bool) -> Sequence[object]:
        kinds = set(map(type, column))
        if kinds == {int}:
            return column
        if type(None) not in kinds:
            return self._quoted(_texts(column, kinds), single=single)
        kinds.discard(type(None))
        if kinds <= {int}:
            return ["" if v is None else v for v in column]
        present = iter(self._quoted(_texts([v for v in column if v is not None], kinds), single=single))
        return ["" if v is None else next(present) for v in column]

    def _quoted(self, texts: Sequence[str], *, single: bool) -> Sequence[str]:
        joined = "".join(texts)
        # Four searches for one character each are several times faster than one for any of them.
        special = self._delimiter in joined or '"' in joined or "\n" in joined or "\r" in joined
        if not special and all(texts) and not (single and "\\." in joined):
            return texts
        return [self._cell(text, single=single) for text in texts]

    def _cell(self, text: str, *, single: bool) -> str:
        if not text or self._special(text) or (single and text == "\\."):
            return '"' + text.replace('"', '""') + '"'
        return text


def _texts(column: Sequence[object], kinds: Iterable[type]) -> Sequence[str]:
    """The column as text; `kinds` are the types in it, without that of None."""
    printers: dict[type, Callable[..., str]] = {kind: text_of(kind) or _other(kind) for kind in kinds}
    if set(printers) <= {str}:
        return column  # type: ignore[return-value]
    if len(printers) == 1:
        (printer,) = printers.values()
        return list(map(printer, column))
    return [printers[type(value)](value) for value in column]


def _other(kind: type) -> Callable[..., str]:
    return json_text if issubclass(kind, (Mapping, list, tuple)) else str


def cell_text(value: object) -> str:
    """One value that is not None, as a CSV cell holds it, unquoted."""
    kind = type(value)
    return (text_of(kind) or _other(kind))(value)
