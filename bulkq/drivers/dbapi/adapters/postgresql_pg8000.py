"""Statements with numbered parameters for pg8000, which has marks of its own.

pg8000 looks for its marks, `%s`, with a scanner that does not know all literals of PostgreSQL. In a literal, a comment or a quoted name
it leaves `%%` as it is, so that no text could have a single percent sign there. It does not see where a literal with E ends behind a
backslash, and looks for marks in `$tag$...$tag$`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pg8000.dbapi import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class WholeText(str):
    """A statement that is one piece to a scanner of characters, and passes through it as it is."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        """Give the whole text."""
        return iter((str(self),))


class NumberedCursor(Cursor):  # type: ignore[misc] # pg8000 has no types
    """A cursor whose statements have the server's own marks: `$1`."""

    def execute(self, operation: str, args: Sequence[object] = (), stream: Any = None) -> Any:
        """Execute `operation` with the values `args`."""
        return super().execute(WholeText(operation), args, stream)
