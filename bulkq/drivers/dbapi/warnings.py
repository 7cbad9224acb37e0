"""Warnings of a server that reports their number with each result: the count, and the texts of the first few.

A session takes note in its hop; the driver adds up on the loop, for the line that ends the run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.drivers.dbapi.adapter_return_types import Refusal

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Query

FEW = 5
"""Texts that are asked for and shown: each costs a round trip."""

LONGEST = 300

STRICT = "correct the value, or write DELETE IGNORE"
"""What to do about a warning that is taken for an error."""


class Warnings:
    """What a target warned of in a run, over all of its sessions.

    Attributes:
        count: warnings and notes, as the server counts them.
        first: texts of the first few.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def take(self, warned: SessionWarnings, *, keep: bool) -> None:
        """Add what a session has noted since the last time; forget it where its attempt failed."""
        if keep and warned.count:
            self.count += warned.count
            self.first += warned.first[: FEW - len(self.first)]
        warned.count, warned.first = 0, []


class SessionWarnings:
    """What one session was warned of since it was last asked.

    Args:
        connection: of the session.
        adapter: of the database.
    """

    def __init__(self, connection: DbapiConnection, adapter: Adapter) -> None:
        self.count = 0
        self.first: list[str] = []
        self._connection = connection
        self._product = adapter

    def see(self, cursor: DbapiCursor, query: Query, *, undoable: bool = False) -> None:
        """Take note of the warnings of the statement that `cursor` has just executed, its rows read.

        Between two results of a procedure no text can be asked for; the last one has the warnings.

        Args:
            cursor: of the statement.
            query: the statement.
            undoable: it is in a transaction, so what it did can still be undone.

        Raises:
            Refusal: a warning says that the statement was killed, though its answer says that it ended well, or that it
                compared with another value than was given, where it can be undone.
        """
        counted = self._product.warned
        count = counted(cursor) if counted is not None else 0
        if not count or self._product.has_more(query, cursor):
            return
        self.count += count
        strict = undoable and self._product.refuses_warning(query)
        if strict or len(self.first) < FEW or query.verb in self._product.killed_in_warnings:
            self._ask(query, strict=strict)

    def _ask(self, query: Query, *, strict: bool) -> None:
        rows: list[tuple[object, ...]] = []
        with suppress(Exception):  # then only their number is known
            rows = self._rows()
        private = any(parameter.secret for parameter in query.parameters) or "mask" in query.metadata
        for _, code, message in rows:
            if self._product.means_killed(int(str(code))):
                raise Refusal(" ".join(str(message).split()), "57014")
            if strict and self._product.refuses_warning(query, int(str(code))):
                raise Refusal(f"{' '.join(str(message).split())}: {STRICT}", "22007")
            if len(self.first) < FEW:
                text = "(not shown: it may hold a secret)" if private else " ".join(str(message).split())[:LONGEST]
                self.first.append(f"{query.place}: [{code}] {text}")

    def _rows(self) -> list[tuple[object, ...]]:
        cursor = self._connection.cursor()  # the other one still has its columns
        try:
            cursor.execute("SHOW WARNINGS")
            return list(cursor.fetchmany(FEW))
        finally:
            cursor.close()
