"""A server-side cursor of PostgreSQL, for any DB-API library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.dbapi.pep249 import DbapiCursor


class ServerCursor:
    """A cursor that the server keeps, by its own SQL: libraries load a whole result into memory otherwise."""

    def __init__(self, cursor: DbapiCursor) -> None:
        self._cursor = cursor

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Of the rows fetched last."""
        return self._cursor.description

    def execute(self, statement: str, *values: Any) -> None:
        """Declare the cursor."""
        self._cursor.execute(f"DECLARE bulkq_stream NO SCROLL CURSOR FOR {statement}", *values)

    def fetchmany(self, size: int) -> Sequence[tuple[object, ...]]:
        """Fetch from it."""
        self._cursor.execute(f"FETCH {size} FROM bulkq_stream")
        return self._cursor.fetchmany(size)

    def close(self) -> None:
        """It goes with the transaction."""
