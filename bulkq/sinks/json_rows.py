"""JSON Lines and a JSON array of row objects."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from bulkq.model import Column, Decoding
from bulkq.text.json_text import json_column, quote

if TYPE_CHECKING:
    from collections.abc import Sequence


class JsonLines:
    """One compact object per line."""

    decoding = Decoding.JSON
    alike = False
    separator = b""
    ending = b"\n"
    delimiter: str | None = None
    _end = "}\n"

    def __init__(self) -> None:
        """Start without any row format; there is one per set of columns."""
        self._formats: dict[tuple[Column, ...], str] = {}

    def problem(self, columns: tuple[Column, ...]) -> str | None:
        """Two columns of one name would be one key."""
        names = [column.name for column in columns]
        if len(set(names)) == len(names):
            return None
        twice = next(name for name in names if names.count(name) > 1)
        return f'two result columns are named "{twice}", which a JSON object cannot hold: give one an alias (... AS other_name)'

    def head(self, columns: tuple[Column, ...]) -> bytes:
        """Nothing stands before the first line."""
        del columns
        return b""

    def tail(self, columns: tuple[Column, ...] | None, *, empty: bool) -> bytes:
        """Nothing stands after the last line."""
        del columns, empty
        return b""

    def encode(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]], count: int) -> bytes:
        """`count` objects."""
        cells = [json_column(cells, raw=column.raw) for column, cells in zip(columns, values, strict=True)]
        row = self._formats.get(columns)
        if row is None:
            row = self._formats[columns] = self._format(columns)
        # One formatting of all rows is half as dear as one per row.
        text = row * count % tuple(chain.from_iterable(zip(*cells, strict=True)))
        # A lone surrogate cannot be UTF-8; this error handler writes it as JSON's own escape.
        return text.encode("utf-8", "backslashreplace")

    def _format(self, columns: tuple[Column, ...]) -> str:
        return "{" + ",".join([quote(c.name).replace("%", "%%") + ":%s" for c in columns]) + self._end


class JsonArray(JsonLines):
    """One array, an object per line."""

    separator = b",\n"
    ending = b"}"
    _end = "},\n"

    def head(self, columns: tuple[Column, ...]) -> bytes:
        """Open the array."""
        del columns
        return b"[\n"

    def tail(self, columns: tuple[Column, ...] | None, *, empty: bool) -> bytes:
        """Close the array."""
        del columns
        return b"[]\n" if empty else b"\n]\n"

    def encode(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]], count: int) -> bytes:
        """`count` objects with a comma between any two."""
        return super().encode(columns, values, count).removesuffix(self.separator)
