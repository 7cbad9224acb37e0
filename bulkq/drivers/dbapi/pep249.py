"""The part of PEP 249 that bulkq needs: connection and cursor, as Protocols.

An asyncio library's are SQLAlchemy's adapted ones: they look the same and are used inside a greenlet of its making.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class DbapiCursor(Protocol):
    """A cursor; https://peps.python.org/pep-0249/#cursor-objects ."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Of each result column its name and type, or None where there are no rows."""
        ...

    @property
    def rowcount(self) -> int:
        """Number of rows that the last statement changed or returned; -1 if unknown."""
        ...

    def execute(self, statement: str, values: Any = ..., /) -> object:
        """Execute a statement."""
        ...

    def fetchmany(self, size: int, /) -> Sequence[tuple[object, ...]]:
        """The next rows, at most `size`."""
        ...

    def close(self) -> object:
        """Forget the rest."""
        ...


class DbapiConnection(Protocol):
    """A connection; https://peps.python.org/pep-0249/#connection-objects ."""

    def cursor(self) -> DbapiCursor:
        """A new cursor."""
        ...

    def commit(self) -> object:
        """End the transaction that the library has begun by itself."""
        ...

    def rollback(self) -> object:
        """Undo it."""
        ...

    def close(self) -> object:
        """End the session."""
        ...
