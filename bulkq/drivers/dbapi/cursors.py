"""The cursors of one session: which statement gets which.

A library that the tests hold keeps one cursor for each purpose. Of any other library each statement gets a cursor of its own:
some libraries give no rows from a cursor that was read to its end, others give the rest of an answer that failed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Decoding


class Cursors:
    """Cursors on `connection`, made when they are needed."""

    def __init__(self, connection: DbapiConnection, adapter: Adapter) -> None:
        self.keeps = adapter.believed
        self.used = False
        """A cursor was given out since `used` was last set to False: a statement may have run."""

        self._connection = connection
        self._product = adapter
        self._own: DbapiCursor | None = None
        self._readers: dict[Decoding, DbapiCursor] = {}

    def own(self) -> DbapiCursor:
        """The cursor of a statement that is fetched whole."""
        self.used = True
        if self._own is None or not self.keeps:
            _close(self._own)
            self._own = self._product.cursor(self._connection)
        return self._own

    def reader(self, decoding: Decoding) -> DbapiCursor:
        """The cursor of the next statement of the user's."""
        self.used = True
        self._product.decode(self._connection, decoding)
        last = self._readers.get(decoding)
        if last is not None and self.keeps:
            return last
        _close(last)
        made = self._product.reading(self._connection, decoding)
        if made is None:
            made = self.own() if self.keeps else self._product.cursor(self._connection)
        self._readers[decoding] = made
        return made

    def last_reader(self, decoding: Decoding) -> DbapiCursor:
        """The cursor that the user's last statement had."""
        return self._readers.get(decoding) or self.reader(decoding)

    def holds(self, cursor: DbapiCursor) -> bool:
        """Whether `cursor` is one of these, which closes itself when its time comes."""
        return cursor is self._own or cursor in self._readers.values()


def _close(cursor: DbapiCursor | None) -> None:
    if cursor is not None:
        with suppress(Exception):  # the rest of its answer is not needed
            cursor.close()
