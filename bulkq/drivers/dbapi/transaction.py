"""The transactions of one session, at most one at a time, and the statements of ours in them.

The library opens and ends transactions by its own methods, or statements do, see `Adapter.says_begin`. Whatever fails in between
leaves here as a `DatabaseError`, with the session idle or known to be lost. Its adapter says which errors of a library lose it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from bulkq.dialects.sqlstates import CANCELED, NOT_NOW, TOO_LARGE, UNREADABLE
from bulkq.drivers.build_reply import pause_collection
from bulkq.drivers.dbapi.adapter_return_types import Refusal
from bulkq.drivers.dbapi.attempt_state import AttemptState
from bulkq.drivers.dbapi.cursors import Cursors
from bulkq.drivers.dbapi.translate_errors import ErrorMoment, translate_error
from bulkq.drivers.dbapi.warnings import SessionWarnings
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Phase
from bulkq.model.own_error_states import MARKER_EARLY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Decoding, Limits, ParameterSet

    Rows = Sequence[tuple[object, ...]]

T = TypeVar("T")

PIECE = 5_000
"""Rows fetched at a time: a library that turns them into Python objects holds the interpreter's lock for one piece only."""

ROLLBACKS = 3
PAUSE_S = 0.01


class Transaction:
    """What is open on a connection of a DB-API library.

    Args:
        connection: open, in autocommit where the adapter says BEGIN itself.
        adapter: of the database.
        read_only: every transaction is read-only, whatever the limits say.
        breathe: called between two pieces of a result; on the event loop it lets others run.
    """

    lost = False
    """The session could not be brought back to idle."""

    why_lost = ""
    """What could not be done, in the library's words."""

    def __init__(
        self, connection: DbapiConnection, adapter: Adapter, *, read_only: bool, breathe: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.adapter = adapter
        self.read_only = read_only
        self.attempt = AttemptState()
        self.cursors = Cursors(connection, adapter)
        self.warned = SessionWarnings(connection, adapter)
        self.phase = Phase.PREPARING
        self.is_open = False
        self._breathe = breathe
        self._writing = False  # it may write

    # statements of ours

    @property
    def cursor(self) -> DbapiCursor:
        """The cursor of a statement that is fetched whole."""
        return self.cursors.own()

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Execute a statement of our own and give its rows."""
        cursor = self.cursor
        cursor.execute(text)
        return list(self.fetch(cursor)) if cursor.description else []

    def fetch(self, cursor: DbapiCursor) -> Rows:
        """Fetch all rows, in pieces.

        Raises:
            DatabaseError: the hop was cancelled in between.
        """
        rows = cursor.fetchmany(PIECE)
        if len(rows) < PIECE:
            return rows
        every = list(rows)
        with pause_collection():
            while rows:
                self._breathe()
                self.stop_if_cancelled()
                rows = cursor.fetchmany(PIECE)
                every += rows
        return every

    # begin and end

    def begin(self, limits: Limits, path: Sequence[str] = ()) -> None:
        """Open a transaction; read-only if the session is."""
        if self.read_only and not limits.read_only:
            limits = replace(limits, read_only=True)
        self.begin_as_given(limits, path)

    def begin_as_given(self, limits: Limits, path: Sequence[str]) -> None:
        """Open a transaction that may write if `limits` say so, also on a read-only session."""
        self.is_open, self._writing = True, not limits.read_only
        for text in self.adapter.opening(limits, path):
            self.ask(text)
        self.attempt.begun = True

    def repeat_while_locked(self, work: Callable[[], T], patience_s: float | None) -> T:
        """Run `work`, which opens a transaction. If the database does not wait for locks, repeat it for `patience_s`."""
        end_s = None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                return work()
            except Exception as error:
                late = end_s is not None and time.monotonic() >= end_s
                if not self.adapter.optimistic or late or isinstance(error, DatabaseError):
                    raise
                if self.adapter.trouble(error).sqlstate not in NOT_NOW or self.attempt.committing:
                    raise
                self.rollback()
                self.stop_if_cancelled()
                time.sleep(PAUSE_S)

    def restyle(self, decoding: Decoding) -> None:
        """Have the server write the values of this transaction in the wanted form."""
        for text in self.adapter.restyling(decoding, local=True):
            self.ask(text)

    def must_be_open(self) -> None:
        """Check that the user's statement has not ended the transaction.

        Raises:
            DatabaseError: it has, as far as the library knows.
        """
        if self.adapter.broken_off(self.connection):
            self.phase = Phase.COMMITTING
            error = DatabaseError(
                "the statement ended the transaction of its batch, so what was done before it may be lost or lasting",
                sqlstate=MARKER_EARLY,
                phase=Phase.COMMITTING,
            )
            error.broken_off = True
            raise error

    def pass_the_point_of_no_return(self) -> None:
        """Say that what follows may last.

        Raises:
            DatabaseError: the hop was cancelled before.
        """
        self.attempt.committing = True  # first: a cancellation that still sees False knows that nothing will last
        self.stop_if_cancelled()

    def commit(self) -> None:
        """Commit."""
        self.pass_the_point_of_no_return()
        self.phase = Phase.COMMITTING
        if self.adapter.says_begin:
            self.ask("COMMIT")
        elif self.cursors.used:
            self.connection.commit()
        self.is_open = self.cursors.used = False

    def undo(self) -> None:
        """Roll back a transaction that went well.

        Raises:
            DatabaseError: something of it lasts all the same, or that is not known.
        """
        self.rollback()
        kept = self._kept_back()
        if kept or self.lost:
            error = DatabaseError(kept or self.why_lost, sqlstate=None, phase=Phase.SENT, connection_lost=self.lost)
            error.broken_off = bool(kept)
            raise error

    def rollback(self) -> None:
        """End whatever transaction is open; a late interrupt may hit the first tries. `lost` says if it cannot be ended."""
        if not self.is_open:
            return
        why = ""
        for _ in range(ROLLBACKS):
            try:
                self._undo()
            except Exception as error:  # noqa: BLE001 - tried again, then told
                trouble = self.adapter.trouble(error)
                if self.adapter.is_idle(trouble):
                    self.is_open = False
                    return
                why = f"ROLLBACK failed: {trouble.message}"
                if trouble.sqlstate != CANCELED:
                    break
            else:
                self.is_open = False
                return
        self.lose(why)

    def _undo(self) -> None:
        if self.adapter.says_begin:
            self.ask("ROLLBACK")
        elif self.cursors.used:  # a library that has begun nothing may refuse to end it
            self.connection.rollback()
        self.cursors.used = False

    def lose(self, why: str) -> None:
        """Give the session up."""
        self.lost, self.why_lost = True, self.why_lost or why

    def recover(self) -> None:
        """After an interrupt that came late: the next statement of ours takes it."""
        for _ in range(ROLLBACKS):
            try:
                self.ask(self.adapter.nothing)
            except Exception as error:  # noqa: BLE001 - its own trouble is asked for
                trouble = self.adapter.trouble(error)
                if trouble.lost:
                    self.lose(trouble.message)
                    return
            else:
                return

    def stop_if_cancelled(self) -> None:
        """Raise if the task that waits for this hop was cancelled.

        Raises:
            DatabaseError: it was.
        """
        if self.attempt.cancelled:
            raise DatabaseError("cancelled", sqlstate=CANCELED, phase=Phase.SENT)

    # errors

    def fail(
        self,
        error: Exception,
        *,
        binding: Binding | None = None,
        sets: Sequence[ParameterSet] = (),
        order: Sequence[int] = (),
        prefix: int = 0,
    ) -> NoReturn:
        """Raise `error` in our words, the session idle or lost.

        Args:
            error: of the library, or ours.
            binding: of the statement, where there is one.
            sets: what it was executed for.
            order: of each set its place in the batch.
            prefix: characters in front of the statement that a place in it does not count.
        """
        at = len(self.attempt.answers)
        position = order[at] if self.phase in {Phase.SENT, Phase.COMMITTING} and at < len(order) else None
        complaint = binding.complaint(sets[at]) if binding is not None and at < len(sets) else None
        if complaint is None and self._is_unread(error):
            raise self._unread(error, position) from error
        self.rollback()
        kept = self._kept_back() if self.phase is Phase.SENT else ""
        if isinstance(error, (DatabaseError, RefusedError)):
            if isinstance(error, DatabaseError):
                error.connection_lost = error.connection_lost or self.lost
                error.broken_off = error.broken_off or bool(kept)
            raise error
        if complaint is not None:
            raise DatabaseError(complaint, sqlstate=None, phase=Phase.ENCODING, position=position) from error
        if at < len(sets) and (large := self.adapter.too_large(sets[at], error)):
            raise self._refused(large, position) from error
        moment = ErrorMoment(self.phase, at, position, binding, prefix, self.lost)
        trouble = translate_error(error, self.adapter, self.attempt, moment)
        if kept:
            trouble.broken_off, trouble.hint = True, kept
        raise trouble from error

    def _is_unread(self, error: Exception) -> bool:
        """Whether the rest of an answer is still to come, and would be taken for that of the next statement."""
        ours = isinstance(error, (DatabaseError, RefusedError, Refusal))
        return not ours and self.adapter.stops_midway(error)

    def _unread(self, error: Exception, position: int | None) -> DatabaseError:
        """The error of a set whose answer the library read no further. Closing the connection undoes what is open on it."""
        self.is_open = False
        why = f"{self.adapter.dialect.driver} cannot read a value: {self.adapter.trouble(error).message}"
        self.lose(why)
        return DatabaseError(
            why,
            sqlstate=UNREADABLE,
            phase=self.phase,
            position=position,
            connection_lost=True,
            hint="select it as text",
        )

    def _refused(self, why: str, position: int | None) -> DatabaseError:
        """The error of a set that the server did not take, after which it ends the connection."""
        self.lost = True
        error = DatabaseError(why, sqlstate=TOO_LARGE, phase=self.phase, position=position, connection_lost=True)
        error.undone = True
        return error

    def _kept_back(self) -> str:
        """What of a write, just rolled back, the server could not undo; "" for reads, and if that is not known."""
        if not self._writing or self.lost:
            return ""
        with suppress(Exception):
            return self.adapter.kept(self.ask)
        self.lost = True  # the session is of no use
        return ""
