"""One session of a DB-API library. A method is one hop; it runs in a private thread or in a greenlet on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.dbapi import batch_statement, prepare
from bulkq.drivers.dbapi.attempt import Execution
from bulkq.drivers.dbapi.attempt_state import AttemptState
from bulkq.drivers.dbapi.stream import Stream
from bulkq.drivers.dbapi.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.pep249 import DbapiConnection
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.drivers.dbapi.warnings import SessionWarnings
    from bulkq.model import BadValue, Decoding, ParameterSet, Query


class SqlSession:
    """Transactions, attempts and streams of one connection of a DB-API library.

    Args:
        connection: open, in autocommit where the adapter says BEGIN itself.
        adapter: of the database.
        read_only: every transaction is read-only, whatever the limits say.
        breathe: called between two pieces of a result; on the event loop it lets others run.
    """

    def __init__(
        self, connection: DbapiConnection, adapter: Adapter, *, read_only: bool, breathe: Callable[[], None]
    ) -> None:
        self.adapter = adapter
        self.transaction = Transaction(connection, adapter, read_only=read_only, breathe=breathe)
        execution = Execution(self.transaction)
        stream = Stream(self.transaction)
        self.ask = self.transaction.ask
        self.recover = self.transaction.recover
        self.attempt = execution.attempt
        self.administer = execution.administer
        self.begin_stream = stream.begin
        self.next_piece = stream.next_piece
        self.end_stream = stream.end

    @property
    def lost(self) -> bool:
        """Whether the session could not be brought back to idle."""
        return self.transaction.lost

    @property
    def why_lost(self) -> str:
        """What could not be done, in the library's words."""
        return self.transaction.why_lost

    @property
    def warned(self) -> SessionWarnings:
        """Warnings since they were last taken."""
        return self.transaction.warned

    def watch(self, timeout_s: float | None) -> AttemptState:
        """The state of a new attempt, each statement of which may take `timeout_s`."""
        self.transaction.attempt = AttemptState(timeout_s=timeout_s, begun=self.transaction.is_open)
        return self.transaction.attempt

    def prepare(self, query: Query, identifiers: Mapping[str, str], decoding: Decoding, *, typed: bool) -> SqlStatement:
        """Describe `query`; nothing of it is executed. See `prepare.prepare`."""
        return prepare.prepare(self.transaction, query, identifiers, decoding, typed=typed)

    def share(self, statement: SqlStatement) -> None:
        """Find out whether one statement may stand for all sets of a batch. See `batch_statement.share`."""
        batch_statement.share(self.transaction, statement)

    def check(self, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Find the text values that the database would not convert."""
        return prepare.check(self.transaction, statement, sets)

    def must_be_claimable(self, statement: SqlStatement) -> None:
        """Check that a marker in the transaction of `statement` would hold; executes nothing.

        Raises:
            RefusedError: it would not.
        """
        prepare.must_be_claimable(self.adapter, statement)
