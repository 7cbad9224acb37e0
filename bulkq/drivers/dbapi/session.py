"""What a connection does inside a hop: prepare, read, write, stream.

A method is one hop: it loops over the parameter sets of a batch with a DB-API cursor, so that what a hop costs is paid per batch.
The same code runs in a private thread (sync libraries) and in a greenlet on the event loop (asyncio libraries).
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

from bulkq import markers
from bulkq.drivers import claims, expected_rows
from bulkq.drivers.binding import Binding
from bulkq.drivers.dbapi.answers import formed, further, reply_of
from bulkq.drivers.dbapi.cursors import Cursors
from bulkq.drivers.dbapi.errors import CANCELED, Moment, translated
from bulkq.drivers.dbapi.identifiers import names_of
from bulkq.drivers.dbapi.statement import Signals, SqlStatement, ordered
from bulkq.drivers.dbapi.warnings import Warned
from bulkq.drivers.results import ROWCOUNT, uncollected
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Limits, Phase, StatementClass
from bulkq.model.changed_rows import UNCOUNTED
from bulkq.model.states import MARKER_EARLY
from bulkq.query.classify import may_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bulkq.drivers.dbapi.adapters.base import Counters, Described, Product
    from bulkq.drivers.dbapi.pep249 import Connection, Cursor
    from bulkq.model import BadValue, Claim, ParameterSet, Query, Reply

    Rows = Sequence[tuple[object, ...]]

T = TypeVar("T")

PIECE = 5_000
"""Rows fetched at a time: a library that turns them into Python objects holds the interpreter's lock for one piece only."""

ROLLBACKS = 3
PAUSE_S = 0.01
NOT_NOW = frozenset({"40001", "55P03"})
"""A database that waits for no lock says so at once."""

PREPARE = Limits(timeout_s=10.0, lock_timeout_s=5.0, read_only=True)
EARLY_S = 0.002
"""A server's timer may fire so much before ours."""

TOO_LARGE = "54000"
WORK_S = 60.0
"""What one of our own statements may take beside waiting for locks: the markers of a long run are many rows to delete."""


class Session:
    """One session of a DB-API library.

    Args:
        connection: open, in autocommit where the product says BEGIN itself.
        product: which database it is.
        read_only: every transaction is read-only, whatever the limits say.
        breathe: called between two pieces of a result; on the event loop it lets others run.
    """

    def __init__(
        self, connection: Connection, product: Product, *, read_only: bool, breathe: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.product = product
        self.signals = Signals()
        self._read_only = read_only
        self._breathe = breathe
        self._cursors = Cursors(connection, product)
        self.warned = Warned(connection, product)
        self._phase = Phase.PREPARING
        self._open = False  # a transaction of ours
        self._writing = False  # it may write
        self._streaming: Cursor | None = None

    # asking

    @property
    def cursor(self) -> Cursor:
        """The cursor of a statement that is fetched whole."""
        return self._cursors.own()

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Execute a statement of our own and give its rows."""
        cursor = self.cursor
        cursor.execute(text)
        return list(self._fetched(cursor)) if cursor.description else []

    def _fetched(self, cursor: Cursor) -> Rows:
        """All rows, in pieces."""
        rows = cursor.fetchmany(PIECE)
        if len(rows) < PIECE:
            return rows
        every = list(rows)
        with uncollected():
            while rows:
                self._breathe()
                self._stop_if_cancelled()
                rows = cursor.fetchmany(PIECE)
                every += rows
        return every

    # preparing

    def prepare(self, query: Query, identifiers: Mapping[str, str], decoding: Decoding, *, typed: bool) -> SqlStatement:
        """What is known of `query`; nothing of it is executed.

        Raises:
            DatabaseError: the database refuses the text, or an identifier is not in it.
        """
        self._phase = Phase.PREPARING
        binding: Binding | None = None
        try:
            # MySQL does not even prepare a statement that writes in a READ ONLY transaction; nothing is executed here.
            limits = replace(PREPARE, read_only=query.statement is StatementClass.READ)
            self._patiently(partial(self._open_with, limits, query.path), PREPARE.lock_timeout_s)
            names = names_of(self.product, self.ask, self.connection, identifiers)
            binding = Binding(query, names, typed=typed, style=self.product.style(typed=typed))
            described = self.product.describe(self, query, binding)
            around = self.product.around(self, binding, described.columns, decoding)
        except Exception as error:  # noqa: BLE001 - translated
            self._raise(error, binding=binding, prefix=len(self.product.probe("")[0]))
        finally:
            self._rollback()
        statement = self._made(query, binding, described, decoding)
        if around is not None:
            binding.wrap(around.before, around.after)
            statement.forms = around.forms
        return statement

    def _made(self, query: Query, binding: Binding, described: Described, decoding: Decoding) -> SqlStatement:
        returns = described.returns_rows
        columns = described.columns
        if decoding is not Decoding.JSON:
            columns = tuple(replace(column, raw=False) for column in columns)
        types = {p.name: p.type or "" for p in query.parameters} | dict(described.types or {})
        return SqlStatement(
            query=query,
            columns=(ROWCOUNT,) if returns is False else columns,
            returns_rows=returns,
            parameter_types=tuple(types[p.name] for p in query.parameters),
            single=not query.transaction or self._commits(query) or _lasts(described, query),
            binding=binding,
            decoding=decoding,
            lasting=described.lasting,
            conversions=described.conversions,
        )

    def check(self, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Which text values the database would not convert."""
        self._phase = Phase.PREPARING
        try:
            self._begin(PREPARE, statement.query.path)
            return self.product.check(self.ask, statement, sets)
        except Exception as error:  # noqa: BLE001 - translated
            self._raise(error)
        finally:
            self._rollback()

    # reading and writing

    def must_be_claimable(self, statement: SqlStatement) -> None:
        """Executes nothing.

        Raises:
            RefusedError: a claim would not hold: the statement commits by itself.
        """
        if statement.query.transaction and self._commits(statement.query):
            raise RefusedError(
                f"{statement.query.place}: {statement.query.verb} may commit by itself in {self.product.dialect.name}, so nothing can make "
                'it exactly once: write "-- @transaction off" above it, or say --idempotent if repeating it does no harm'
            )

        if statement.query.transaction and statement.lasting:
            raise RefusedError(
                f"{statement.query.place}: {statement.lasting}, so nothing can make it exactly once: "
                'say --idempotent if repeating a set does no harm, write "-- @mode maintenance" above it for at most once, or change the '
                "engine of the table: ALTER TABLE ... ENGINE=InnoDB"
            )

    def _commits(self, query: Query) -> bool:
        return may_commit(query.statement, query.verb, self.product.name)

    def attempt(
        self,
        statement: SqlStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        claim: Claim | None,
        before_commit: Callable[[int], None] | None,
    ) -> Reply:
        """Execute `statement` for every set in one transaction; the first error undoes all of it.

        Raises:
            DatabaseError: with the `position` of the set that failed.
            AlreadyApplied: the marker of `claim` was there.
            NotOwner: the run of `claim` is not ours.
        """
        reading = limits.read_only or self._read_only
        guarded = reading and statement.query.transaction and bool(statement.lasting)  # a read runs nothing of it
        if (statement.single and not guarded) or not limits.transaction:
            return self._alone(statement, sets, limits)
        order, given = ordered(statement, sets, limits)
        theirs: Exception | None = None
        self._phase = Phase.PREPARING
        try:
            self._refuse(statement, reading=reading)
            if claim is None:
                self._patiently(partial(self._begin, limits, statement.query.path), limits.lock_timeout_s)
            else:
                self._patiently(partial(self._claimed, claim, limits, statement.query.path), limits.lock_timeout_s)
            self._phase = Phase.SENT
            self._restyle(statement)
            reply = self._executed(statement, given, order)
            self._still_open()
            if not limits.read_only:
                self._check(reply, statement, len(sets), limits)
                if before_commit is not None:
                    try:
                        before_commit(reply.changed)
                    except Exception as error:
                        theirs = error
                        raise
                if claim is not None and (reply.changed != claim.sets or not self.product.believed):
                    self.ask(markers.count(claim, reply.changed))
                self._commit()
        except Exception as error:
            if error is theirs:
                raise
            self._raise(error, binding=statement.binding, sets=given, order=order)
        finally:
            self._rollback()
        return reply

    def _alone(self, statement: SqlStatement, sets: Sequence[ParameterSet], limits: Limits) -> Reply:
        """One set outside a transaction."""
        if len(sets) != 1:
            raise ValueError("outside a transaction an attempt is one parameter set")
        if limits.read_only or self._read_only:
            raise RefusedError(
                f"{statement.query.place}: outside a transaction nothing would keep it from writing: add --write"
            )
        self._phase = Phase.PREPARING
        query = statement.query
        before: Counters = {}
        try:
            for text in self.product.alone(limits, query.path):
                self.ask(text)
            for text in self.product.restyling(statement.decoding, local=False):
                self.ask(text)
            before = self.product.counters(self.ask, query)
            self._pass_the_point_of_no_return()
            self._open = not self.product.says_begin  # the library opens a transaction by itself
            self._phase = Phase.COMMITTING  # from here on only the server knows
            since_s = time.monotonic()
            reply = self._executed(statement, sets, range(1))
            reply = further(self, statement, self._cursors.last_reader(statement.decoding), reply, self._fetched)
            self._must_be_in_time(since_s)
            if not self.product.says_begin:
                self.connection.commit()
                self._open = False
            self._must_be_well(query, reply)
        except Exception as error:  # noqa: BLE001 - translated
            self._restore(query)
            with self._seen_undone(statement, error, before):
                self._raise(error, binding=statement.binding, sets=sets, order=range(1))
        finally:
            self._rollback()
        self._restore(query)
        return reply

    def _must_be_in_time(self, since_s: float) -> None:
        """Raise what `_executed` raises, where a later result of a procedure came too late to be believed."""
        called_back = self.signals.cancelled and self.product.ends_quietly
        if called_back or time.monotonic() - since_s >= self._limit_s():
            self.signals.answers = []
            raise self._ended(range(1))

    def _must_be_well(self, query: Query, reply: Reply) -> None:
        """Raise what an answer tells in its rows, which is certain, or what the statement has left open, of which parts may last."""
        said = self.product.failure_in(query, reply)
        left = "" if said else self.product.left_open(self.ask, query)
        if said or left:
            error = DatabaseError(said or left, sqlstate=None, phase=self._phase, position=0)
            error.undone = bool(said)
            raise error

    def _restore(self, query: Query) -> None:
        """Take back what was set for a statement of its own; the session is of no use where that fails."""
        try:
            for text in self.product.afterwards(query):
                self.ask(text)
        except Exception as error:  # noqa: BLE001 - whatever it was
            self._lose(self.product.trouble(error).message)

    @contextmanager
    def _seen_undone(self, statement: SqlStatement, cause: Exception, before: Counters) -> Iterator[None]:
        """Mark the error that is raised inside where the database shows that nothing of the statement lasts."""
        try:
            yield
        except DatabaseError as error:
            if not (statement.lasting or error.connection_lost or error is cause):
                with suppress(Exception):  # then it is not known
                    error.undone = self.product.undone(self.ask, statement.query, cause, before)
            raise

    def administer(self, statements: Sequence[str], patience_s: float | None) -> list[tuple[object, ...]]:
        """Execute our own statements in one transaction; the rows of the last one.

        Raises:
            DatabaseError: the first that failed.
        """
        timeout_s = None if patience_s is None else patience_s + WORK_S
        limits = Limits(timeout_s=timeout_s, lock_timeout_s=patience_s, read_only=self._read_only)
        self._phase = Phase.SENT
        try:
            rows = self._patiently(partial(self._administered, statements, limits), patience_s)
            if not self._read_only:
                self._commit()
        except Exception as error:  # noqa: BLE001 - translated
            self._raise(error)
        finally:
            self._rollback()
        return rows

    def _administered(self, statements: Sequence[str], limits: Limits) -> list[tuple[object, ...]]:
        self._begin(limits)
        for text in () if self._read_only else self.product.durable():
            self.ask(text)
        *_, rows = [self.ask(text) for text in statements]
        return [] if _changes(statements[-1]) else rows

    def _refuse(self, statement: SqlStatement, *, reading: bool) -> None:
        refused = self.product.refusal(statement.query, statement.binding.sample, self.connection, reading=reading)
        if refused is not None:
            raise refused

    def _patiently(self, work: Callable[[], T], patience_s: float | None) -> T:
        """`work`, which opens a transaction; where nobody waits for locks it is done again, as if it had waited."""
        end_s = None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                return work()
            except Exception as error:
                late = end_s is not None and time.monotonic() >= end_s
                if not self.product.optimistic or late or isinstance(error, DatabaseError):
                    raise
                if self.product.trouble(error).sqlstate not in NOT_NOW or self.signals.committing:
                    raise
                self._rollback()
                self._stop_if_cancelled()
                time.sleep(PAUSE_S)

    def _claimed(self, claim: Claim, limits: Limits, path: Sequence[str]) -> None:
        """A transaction that holds the marker of `claim`."""
        self._begin(limits, path)
        self._phase = Phase.CLAIMING
        if not self.product.believed:
            claims.prove(self.ask, claim, self.product.name)
            return
        for text in self.product.claims(claim):
            self.cursor.execute(text)
            if self.product.changed(self.cursor, StatementClass.WRITE) != 1:
                raise claims.refused(self.ask(markers.look(claim)), claim)

    def _executed(self, statement: SqlStatement, sets: Sequence[ParameterSet], order: Sequence[int]) -> Reply:
        """The batch: the hot loop of this driver. Nothing else may happen per parameter set."""
        cursor, signals = self._cursors.reader(statement.decoding), self.signals
        answers = signals.answers = []
        execute, append = cursor.execute, answers.append
        keeps, bare = self._cursors.keeps, statement.binding.bare
        warned = self.product.warned
        clock, limit_s = time.monotonic, self._limit_s()
        since_s = clock()
        for text, values in statement.binding.calls(sets):
            if signals.cancelled:
                raise self._ended(order)
            if not keeps:
                cursor = self._cursors.reader(statement.decoding)
                execute = cursor.execute
            if bare:
                execute(text)
            else:
                execute(text, values)
            answer = self._answer(cursor, statement)
            now_s = clock()
            if now_s - since_s >= limit_s:
                raise self._ended(order)
            since_s = now_s
            append(answer)
            if warned is not None and warned(cursor):
                self.warned.see(cursor, statement.query)
        if signals.cancelled and self.product.ends_quietly:
            raise self._ended(order)
        return reply_of(self, statement, self._cursors.last_reader(statement.decoding), answers, order)

    def _limit_s(self) -> float:
        """What an answer may take and still be believed."""
        limit_s = self.signals.timeout_s
        return limit_s - EARLY_S if limit_s is not None and self.product.ends_quietly else math.inf

    def _ended(self, order: Sequence[int]) -> DatabaseError:
        """The error of a statement that was called back, or whose answer came too late to be believed."""
        at = len(self.signals.answers)
        cancelled = self.signals.cancelled
        return DatabaseError(
            "cancelled" if cancelled else f"timed out after {self.signals.timeout_s:g}s",
            sqlstate=CANCELED,
            phase=self._phase,
            position=None if cancelled or at >= len(order) else order[at],
            confirmed=self._phase is not Phase.COMMITTING,
        )

    def _answer(self, cursor: Cursor, statement: SqlStatement) -> object:
        rows = statement.returns_rows
        if rows is False or (rows is None and not cursor.description):
            return self.product.changed(cursor, statement.query.statement)
        return self._fetched(cursor)

    def _check(self, reply: Reply, statement: SqlStatement, sets: int, limits: Limits) -> None:
        if limits.expect_rows is not None:
            if reply.changed == UNCOUNTED:
                raise expected_rows.uncounted("--expect-rows")
            counts = statement.returns_rows is False
            expected_rows.check_rows(reply, sets, limits.expect_rows, counted=counts)

    # a result in pieces

    def begin_stream(self, statement: SqlStatement, params: ParameterSet, limits: Limits) -> Reply:
        """Execute `statement` for one set and give the first piece; `end_stream` must follow."""
        self._phase = Phase.PREPARING
        try:
            self._refuse(statement, reading=True)
            self._begin(limits, statement.query.path)
            self._phase = Phase.SENT
            self._restyle(statement)
            (call,) = statement.binding.calls([params])
            reader = self._cursors.reader(statement.decoding)
            self._streaming = self.product.streaming(self.connection, reader, statement.query)
            text, values = call
            self._streaming.execute(text) if statement.binding.bare else self._streaming.execute(text, values)
        except Exception as error:  # noqa: BLE001 - translated
            self._stop_streaming()
            self._raise(error, binding=statement.binding, sets=[params], order=range(1))
        return self.next_piece(statement, params)

    def next_piece(self, statement: SqlStatement, params: ParameterSet) -> Reply:
        """The next rows, at most `PIECE`; none at the end."""
        assert self._streaming is not None
        try:
            rows = self._streaming.fetchmany(PIECE)
            if len(rows) < PIECE:
                self.warned.see(self._streaming, statement.query)
            return formed(self, statement, self._streaming, [rows])
        except Exception as error:  # noqa: BLE001 - translated
            self._stop_streaming()
            self._raise(error, binding=statement.binding, sets=[params], order=range(1))

    def end_stream(self) -> None:
        """Forget the rest of the result."""
        self._stop_streaming()

    def _stop_streaming(self) -> None:
        cursor, self._streaming = self._streaming, None
        if cursor is not None and not self._cursors.holds(cursor):
            with suppress(Exception):  # what remains of it goes with the transaction
                cursor.close()
        self._rollback()

    # transactions

    def _begin(self, limits: Limits, path: Sequence[str] = ()) -> None:
        if self._read_only and not limits.read_only:
            limits = replace(limits, read_only=True)
        self._open_with(limits, path)

    def _open_with(self, limits: Limits, path: Sequence[str]) -> None:
        self._open, self._writing = True, not limits.read_only
        for text in self.product.opening(limits, path):
            self.ask(text)

    def _restyle(self, statement: SqlStatement) -> None:
        for text in self.product.restyling(statement.decoding, local=True):
            self.ask(text)

    def _still_open(self) -> None:
        if self.product.broken_off(self.connection):
            self._phase = Phase.COMMITTING
            error = DatabaseError(
                "the statement ended the transaction of its batch, so what was done before it may be lost or lasting",
                sqlstate=MARKER_EARLY,
                phase=Phase.COMMITTING,
            )
            error.broken_off = True
            raise error

    def _pass_the_point_of_no_return(self) -> None:
        self.signals.committing = True  # first: whoever cancels, and sees False then, knows that nothing will last
        self._stop_if_cancelled()

    def _commit(self) -> None:
        self._pass_the_point_of_no_return()
        self._phase = Phase.COMMITTING
        if self.product.says_begin:
            self.ask("COMMIT")
        elif self._cursors.used:
            self.connection.commit()
        self._open = self._cursors.used = False

    def _rollback(self) -> None:
        """End whatever transaction is open; a late interrupt may hit the first tries.

        Raises:
            DatabaseError: it cannot be ended, so the connection must be.
        """
        if not self._open:
            return
        why = ""
        for _ in range(ROLLBACKS):
            try:
                self._end()
            except Exception as error:  # noqa: BLE001 - tried again, then told
                trouble = self.product.trouble(error)
                if self.product.is_idle(trouble):
                    self._open = False
                    return
                why = f"ROLLBACK failed: {trouble.message}"
                if trouble.sqlstate != CANCELED:
                    break
            else:
                self._open = False
                return
        self._lose(why)

    def _end(self) -> None:
        if self.product.says_begin:
            self.ask("ROLLBACK")
        elif self._cursors.used:  # a library that has begun nothing may refuse to end it
            self.connection.rollback()
        self._cursors.used = False

    def _lose(self, why: str) -> None:
        self.lost, self.why_lost = True, self.why_lost or why

    lost = False
    """The session could not be brought back to idle."""

    why_lost = ""
    """What could not be done, in the library's words."""

    def recover(self) -> None:
        """After an interrupt that came late: the next statement of ours takes it."""
        for _ in range(ROLLBACKS):
            try:
                self.ask(self.product.nothing)
            except Exception as error:  # noqa: BLE001 - its own trouble is asked for
                trouble = self.product.trouble(error)
                if trouble.lost:
                    self._lose(trouble.message)
                    return
            else:
                return

    def _stop_if_cancelled(self) -> None:
        if self.signals.cancelled:
            raise _cancelled()

    # errors

    def _raise(
        self,
        error: Exception,
        *,
        binding: Binding | None = None,
        sets: Sequence[ParameterSet] = (),
        order: Sequence[int] = (),
        prefix: int = 0,
    ) -> NoReturn:
        """Raise `error` in our words, the session idle or lost."""
        at = len(self.signals.answers)
        self._rollback()
        kept = self._kept_back() if self._phase is Phase.SENT else ""
        if isinstance(error, (DatabaseError, RefusedError)):
            if isinstance(error, DatabaseError):
                error.connection_lost = error.connection_lost or self.lost
                error.broken_off = error.broken_off or bool(kept)
            raise error
        position = order[at] if self._phase in {Phase.SENT, Phase.COMMITTING} and at < len(order) else None
        complaint = binding.complaint(sets[at]) if binding is not None and at < len(sets) else None
        if complaint is not None:
            raise DatabaseError(complaint, sqlstate=None, phase=Phase.ENCODING, position=position) from error
        if at < len(sets) and (large := self.product.too_large(sets[at], error)):
            raise self._refused(large, position) from error
        moment = Moment(self._phase, at, position, binding, prefix, self.lost)
        trouble = translated(error, self.product, self.signals, moment)
        if kept:
            trouble.broken_off, trouble.hint = True, kept
        raise trouble from error

    def _refused(self, why: str, position: int | None) -> DatabaseError:
        """The error of a set that the server did not take, after which it ends the connection."""
        self.lost = True
        error = DatabaseError(why, sqlstate=TOO_LARGE, phase=self._phase, position=position, connection_lost=True)
        error.undone = True
        return error

    def _kept_back(self) -> str:
        """What of a write, just rolled back, the server could not undo; "" for reads, and where nobody can say."""
        if not self._writing or self.lost:
            return ""
        try:
            return self.product.kept(self.ask)
        except Exception:  # noqa: BLE001 - the session is of no use
            self.lost = True
            return ""


def _cancelled() -> DatabaseError:
    return DatabaseError("cancelled", sqlstate=CANCELED, phase=Phase.SENT)


def _lasts(described: Described, query: Query) -> bool:
    """Whether a transaction would be of no use: a SELECT keeps its own, where the read-only guard is."""
    return bool(described.lasting) and query.statement is not StatementClass.READ


def _changes(text: str) -> bool:
    """Whether one of our statements changes data and gives no rows: some libraries give their count as a row."""
    return text.startswith(("INSERT", "UPDATE", "DELETE", "CREATE")) and "RETURNING" not in text
