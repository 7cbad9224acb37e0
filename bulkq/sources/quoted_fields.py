"""Which fields of CSV were quoted: a quoted field is text where the same characters without quotes are NULL.

Python's `csv` tells quoted fields from others only from 3.13 on. Records are therefore read by `csv`, in C, and the few that have
such a field are looked at again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

QUOTED = "\0"
"""Put before the text of a quoted field that looks like NULL; no file has this character in its text."""


class Quotes:
    """Marks and unmarks quoted fields that look like NULL.

    Args:
        delimiter: between fields.
        null: what NULL looks like.
    """

    def __init__(self, delimiter: str, null: str) -> None:
        self._null = null
        self._written = '"' + null.replace('"', '""') + '"'
        self._found = re.compile(f"(?:^|[{delimiter}\\n]){re.escape(self._written)}(?=[{delimiter}\\r\\n]|$)").search
        self._field = re.compile(f'("(?:[^"]|"")*"|[^{delimiter}\\n]*)(?:{delimiter}|\\r?(?:\\n|$))')

    def mark(self, rows: list[list[str]], ends: Sequence[int], text: str) -> None:
        """Put QUOTED before the fields of `rows` that are quoted in `text`; `ends` are the numbers of lines up to the end of each."""
        if self._written not in text or not self._found(text):
            return
        lines = text.split("\n")
        begin = 0
        for row, end in zip(rows, ends, strict=True):
            if self._null in row:
                record = "\n".join(lines[begin:end])
                if self._written in record:
                    self._mark_row(row, record)
            begin = end

    def _mark_row(self, row: list[str], record: str) -> None:
        at = 0
        for n, value in enumerate(row):
            found = self._field.match(record, at)
            assert found is not None, "csv has read the same fields"
            if value == self._null and found[1] == self._written:
                row[n] = QUOTED + value
            at = found.end()

    def texts(self, column: Sequence[object]) -> Sequence[object]:
        """`column` without marks."""
        marked = QUOTED + self._null
        return [self._null if value == marked else value for value in column] if marked in column else column
