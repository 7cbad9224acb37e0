"""Parameter sets from a query: `sql:...` and `@FILE.sql:NAME`. `Rows` is passed in and has the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, ParameterError, RefusedError
from bulkq.policy.retry import READ_ONLY
from bulkq.sources.column_feed import ColumnBlock
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bulkq.model import SourcePosition
    from bulkq.sources.column_feed import WantedColumns

    Piece = tuple[tuple[str, ...], Sequence[Sequence[object]]]


class QueryFeed:
    """A feed over the pieces of a result, of which one is in memory."""

    plain = False
    native = False
    replayable = False
    total: int | None = None

    def __init__(self, name: str, pieces: AsyncIterator[Piece]) -> None:
        """Take `pieces`; `open` must follow."""
        self.name = name
        self.columns: tuple[str, ...] | None = ()
        self._pieces = pieces
        self._values: Sequence[Sequence[object]] = ()
        self._count = 0
        self._given = 0
        self._picks: tuple[int, ...] = ()

    async def open(self) -> None:
        """Wait for the names: a database that does not describe a query has them only with the first rows.

        Raises:
            ParameterError: the database refuses the query.
            RefusedError: the query would change data.
        """
        while not self.columns and await self._next():
            pass

    @property
    def nameless(self) -> bool:
        """True: there are no rows, and the database did not even say which columns there would be."""
        return not self.columns

    def want(self, wanted: WantedColumns) -> None:
        """Remember where the wanted columns are."""
        if not self.nameless:
            self._picks = tuple(map((self.columns or ()).index, wanted.names))

    async def read(self, most: int) -> ColumnBlock | None:
        """The next rows of the present piece."""
        while self._given >= self._count:
            if not await self._next():
                return None
        start, end = self._given, min(self._given + most, self._count)
        self._given = end
        return ColumnBlock(end - start, [self._values[i][start:end] for i in self._picks])

    def position(self, n: int) -> None:
        """None: the query may return other rows the next time."""

    async def go_on(self, start: SourcePosition) -> bool:
        """Never; see `position`."""
        del start
        return False

    def fraction(self) -> float | None:
        """None: the number of rows is unknown."""
        return None

    async def close(self) -> None:
        """End the query."""
        end = getattr(self._pieces, "aclose", None)
        if end is not None:
            await end()

    async def _next(self) -> bool:
        try:
            piece = await anext(self._pieces, None)
        except DatabaseError as error:
            said = f"{self.name}: {escape_unprintable(' '.join(str(error).split()))}"
            if error.sqlstate in READ_ONLY:
                raise RefusedError(
                    f"{said}: a parameter source is read-only: change data in a query of the run, with --write"
                ) from error
            raise ParameterError(said) from error
        if piece is None:
            return False
        names, self._values = piece
        if names:
            self.columns = names
        self._count, self._given = len(self._values[0]) if self._values else 0, 0
        return True
