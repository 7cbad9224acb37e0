"""Errors of one query file, gathered while it is read and raised together."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field

from bulkq.errors import QueryFileError, join_errors
from bulkq.model.frozen_dataclass import mutable


@mutable
class QueryErrors:
    """The errors of one text, by offset; `label` is the file as the user named it, or `-e`."""

    text: str
    label: str
    found: list[tuple[int, str]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def add(self, offset: int, message: str) -> None:
        """Note `message` for the line at `offset`."""
        self.found.append((offset, message))

    def line(self, offset: int) -> int:
        """1-based line of `offset`."""
        if not self._starts:
            self._starts = [i for i, c in enumerate(self.text) if c == "\n"]
        return bisect_right(self._starts, offset - 1) + 1

    def raise_all(self) -> None:
        """Raise all noted errors, in the order of the text, as one error.

        Raises:
            QueryFileError: if anything was; one `file:line: message` per line.
        """
        if self.found:
            ordered = sorted(set(self.found), key=lambda item: item[0])
            raise join_errors(QueryFileError, (f"{self.label}:{self.line(at)}: {message}" for at, message in ordered))
