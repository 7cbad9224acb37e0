"""A result in pieces, each fetched by its own call into the thread."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from bulkq.drivers.dbapi.build_reply import form_columns
from bulkq.drivers.dbapi.prepare import must_be_allowed
from bulkq.drivers.dbapi.transaction import PIECE
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.pep249 import DbapiCursor
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.drivers.dbapi.transaction import Transaction
    from bulkq.model import Limits, ParameterSet, Reply


class Stream:
    """The one result of a session that is read in pieces.

    Args:
        transaction: of the session.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._cursor: DbapiCursor | None = None

    def begin(self, statement: SqlStatement, params: ParameterSet, limits: Limits) -> Reply:
        """Execute `statement` for one set and give the first piece; `end` must follow."""
        transaction = self._transaction
        transaction.phase = Phase.PREPARING
        try:
            must_be_allowed(transaction, statement, reading=True)
            transaction.begin(limits, statement.query.path)
            transaction.phase = Phase.SENT
            transaction.restyle(statement.decoding)
            ((text, values),) = statement.binding.calls([params])
            reader = transaction.cursors.reader(statement.decoding)
            self._cursor = transaction.adapter.streaming(transaction.connection, reader, statement.query)
            self._cursor.execute(text) if statement.binding.bare else self._cursor.execute(text, values)
        except Exception as error:  # noqa: BLE001 - translated
            self._fail(error, statement, params)
        return self.next_piece(statement, params)

    def next_piece(self, statement: SqlStatement, params: ParameterSet) -> Reply:
        """The next rows, at most `PIECE`; none at the end."""
        assert self._cursor is not None
        try:
            rows = self._cursor.fetchmany(PIECE)
            if len(rows) < PIECE:
                self._transaction.warned.see(self._cursor, statement.query)
            return form_columns(self._transaction, statement, self._cursor, [rows])
        except Exception as error:  # noqa: BLE001 - translated
            self._fail(error, statement, params)

    def end(self) -> None:
        """Forget the rest of the result."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None and not self._transaction.cursors.holds(cursor):
            with suppress(Exception):  # what remains of it goes with the transaction
                cursor.close()
        self._transaction.rollback()

    def _fail(self, error: Exception, statement: SqlStatement, params: ParameterSet) -> NoReturn:
        self.end()
        self._transaction.fail(error, binding=statement.binding, sets=[params], order=range(1))
