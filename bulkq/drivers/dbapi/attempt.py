"""Execute the sets of a batch in one transaction, or one set outside a transaction."""

from __future__ import annotations

import math
import secrets
import time
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from bulkq import markers
from bulkq.dialects.sqlstates import CANCELED
from bulkq.drivers.dbapi import batch_statement, multi_statement_packet
from bulkq.drivers.dbapi.build_reply import add_further_results, reply_of
from bulkq.drivers.dbapi.prepare import must_be_allowed
from bulkq.drivers.dbapi.statement import SqlStatement, order_sets
from bulkq.drivers.expected_rows import check_rows, explain_uncounted
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Limits, Phase, StatementClass
from bulkq.model.counts import UNCOUNTED
from bulkq.policy.check_attempt_step_rows import blame_step, check_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkq.drivers.dbapi.adapter_return_types import Counters
    from bulkq.drivers.dbapi.pep249 import DbapiCursor
    from bulkq.drivers.dbapi.transaction import Transaction
    from bulkq.drivers.prepare_attempt_steps import PreparedSteps
    from bulkq.model import AttemptStep, Claim, ParameterSet, Query, Reply

EARLY_S = 0.002
"""A server's timer may fire so much before ours."""

WORK_S = 60.0
"""What one of our own statements may take beside waiting for locks: the markers of a long run are many rows to delete."""

TOKEN_BITS = 60


class Execution:
    """Attempts of one session.

    Args:
        transaction: of the session.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def attempt(
        self,
        statement: SqlStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        claim: Claim | None,
        before_commit: Callable[[int], None] | None,
        steps: PreparedSteps[SqlStatement] | None = None,
        *,
        in_packets: bool = True,
    ) -> Reply:
        """Execute `statement` for every set in one transaction; the first error undoes all of it.

        Args:
            statement: prepared in this session.
            sets: of the batch.
            limits: of each statement.
            claim: the marker to write first.
            before_commit: called with the number of changed rows.
            steps: of bulkq, around the statement.
            in_packets: several sets may travel in one packet.

        Raises:
            DatabaseError: with the `position` of the set that failed.
            AlreadyApplied: the marker of `claim` was there.
            NotOwner: the run of `claim` is not ours.
        """
        transaction = self._transaction
        reading = limits.read_only or transaction.read_only
        guarded = reading and statement.query.transaction and bool(statement.lasting)  # a read runs nothing of it
        if (statement.single and not guarded) or not limits.transaction:
            return self._alone(statement, sets, limits)
        order, given = order_sets(statement, sets, limits)
        theirs: Exception | None = None
        transaction.phase = Phase.PREPARING
        try:
            must_be_allowed(transaction, statement, reading=reading)
            self._begin(statement, limits, claim)
            if steps is not None:
                self._take_steps(steps.before)
            transaction.restyle(statement.decoding)
            reply = self._answers(statement, given, order, limits, in_packets=in_packets)
            transaction.must_be_open()
            if not limits.read_only:
                self._check(reply, statement, len(sets), limits)
                if before_commit is not None:
                    try:
                        before_commit(reply.changed)
                    except Exception as error:
                        theirs = error
                        raise
                self._end_write(reply, claim, steps)
        except multi_statement_packet.SetBySet as why:
            statement.shares_packets = statement.shares_packets and not why.always
            transaction.undo()
            transaction.attempt.answers = []
            return self.attempt(statement, sets, limits, claim, before_commit, steps, in_packets=False)
        except Exception as error:
            if error is theirs:
                raise
            self._fail(error, statement, given, order, together=limits.together)
        finally:
            transaction.rollback()
        return reply

    def _end_write(self, reply: Reply, claim: Claim | None, steps: PreparedSteps[SqlStatement] | None) -> None:
        """Take the steps that follow the statement, then commit, with the changed rows in the marker; or undo a rehearsal."""
        transaction = self._transaction
        if steps is not None:
            self._take_steps(steps.after)
            transaction.must_be_open()
            if steps.rollback:
                transaction.undo()
                return
        if claim is not None and (reply.changed != claim.sets or not transaction.adapter.believed):
            transaction.ask(markers.count(claim, reply.changed))
        transaction.commit()

    def _answers(
        self,
        statement: SqlStatement,
        sets: Sequence[ParameterSet],
        order: Sequence[int],
        limits: Limits,
        *,
        in_packets: bool,
    ) -> Reply:
        if limits.together:
            return batch_statement.execute(self._transaction, statement, sets)
        return self._execute(statement, sets, order, in_packets=in_packets)

    def _fail(
        self,
        error: Exception,
        statement: SqlStatement,
        sets: Sequence[ParameterSet],
        order: Sequence[int],
        *,
        together: bool,
    ) -> NoReturn:
        """Raise `error` in our words. If one statement stood for all sets, it names none of them."""
        if not together:
            self._transaction.fail(error, binding=statement.binding, sets=sets, order=order)
        try:
            self._transaction.fail(error)
        except DatabaseError as failed:
            failed.together = True
            raise

    def _begin(self, statement: SqlStatement, limits: Limits, claim: Claim | None) -> None:
        transaction = self._transaction
        begin = transaction.begin if claim is None else partial(self._claim, claim)
        transaction.repeat_while_locked(partial(begin, limits, statement.query.path), limits.lock_timeout_s)
        transaction.phase = Phase.SENT

    def _take_steps(self, steps: Sequence[tuple[AttemptStep, SqlStatement]]) -> None:
        transaction = self._transaction
        answers = transaction.attempt.answers
        for step, statement in steps:
            transaction.attempt.answers = []
            try:
                check_step(step, self._execute(statement, [step.params], range(1)))
            except RefusedError:
                raise
            except Exception as error:  # noqa: BLE001 - translated
                try:
                    transaction.fail(error, binding=statement.binding, sets=[step.params], order=range(1))
                except DatabaseError as failed:
                    blame_step(failed, step)
                    raise
        transaction.attempt.answers = answers

    def _alone(self, statement: SqlStatement, sets: Sequence[ParameterSet], limits: Limits) -> Reply:
        """One set outside a transaction."""
        transaction = self._transaction
        if len(sets) != 1:
            raise ValueError("outside a transaction an attempt is one parameter set")
        if limits.read_only or transaction.read_only:
            raise RefusedError(
                f"{statement.query.place}: outside a transaction, bulkq cannot keep it from changing data: add --write"
            )
        transaction.phase = Phase.PREPARING
        query = statement.query
        before: Counters = {}
        try:
            for text in transaction.adapter.alone(limits, query.path):
                transaction.ask(text)
            for text in transaction.adapter.restyling(statement.decoding, local=False):
                transaction.ask(text)
            before = transaction.adapter.counters(transaction.ask, query)
            transaction.pass_the_point_of_no_return()
            transaction.is_open = not transaction.adapter.says_begin  # the library opens a transaction by itself
            transaction.phase = Phase.COMMITTING  # from here on only the server knows
            since_s = time.monotonic()
            reply = self._execute(statement, sets, range(1))
            reply = add_further_results(
                transaction, statement, transaction.cursors.last_reader(statement.decoding), reply, transaction.fetch
            )
            self._must_be_in_time(since_s)
            if not transaction.adapter.says_begin:
                transaction.connection.commit()
                transaction.is_open = False
            self._must_be_well(query, reply)
        except Exception as error:  # noqa: BLE001 - translated
            self._restore(query)
            with self._seen_undone(statement, error, before):
                transaction.fail(error, binding=statement.binding, sets=sets, order=range(1))
        finally:
            transaction.rollback()
        self._restore(query)
        return reply

    def _must_be_in_time(self, since_s: float) -> None:
        """Raise what `_execute` raises, where a later result of a procedure came too late to be believed."""
        transaction = self._transaction
        called_back = transaction.attempt.cancelled and transaction.adapter.ends_quietly
        if called_back or time.monotonic() - since_s >= self._limit_s():
            transaction.attempt.answers = []
            raise self._ended(range(1))

    def _must_be_well(self, query: Query, reply: Reply) -> None:
        """Raise what an answer tells in its rows, which is certain, or what the statement has left open, of which parts may last."""
        transaction = self._transaction
        said = transaction.adapter.failure_in(query, reply)
        left = "" if said else transaction.adapter.left_open(transaction.ask, query)
        if said or left:
            error = DatabaseError(said or left, sqlstate=None, phase=transaction.phase, position=0)
            error.undone = bool(said)
            raise error

    def _restore(self, query: Query) -> None:
        """Take back what was set for a statement of its own; the session is of no use where that fails."""
        transaction = self._transaction
        try:
            for text in transaction.adapter.afterwards(query):
                transaction.ask(text)
        except Exception as error:  # noqa: BLE001 - whatever it was
            transaction.lose(transaction.adapter.trouble(error).message)

    @contextmanager
    def _seen_undone(self, statement: SqlStatement, cause: Exception, before: Counters) -> Iterator[None]:
        """Mark the error that is raised inside where the database shows that nothing of the statement lasts."""
        try:
            yield
        except DatabaseError as error:
            if not (statement.lasting or error.connection_lost or error is cause):
                with suppress(Exception):  # then it is not known
                    error.undone = self._transaction.adapter.undone(
                        self._transaction.ask, statement.query, cause, before
                    )
            raise

    def administer(self, statements: Sequence[str], patience_s: float | None) -> list[tuple[object, ...]]:
        """Execute our own statements in one transaction; the rows of the last one.

        Raises:
            DatabaseError: the first that failed.
        """
        transaction = self._transaction
        timeout_s = None if patience_s is None else patience_s + WORK_S
        limits = Limits(timeout_s=timeout_s, lock_timeout_s=patience_s, read_only=transaction.read_only)
        transaction.phase = Phase.SENT
        try:
            rows = transaction.repeat_while_locked(partial(self._execute_ours, statements, limits), patience_s)
            if not transaction.read_only:
                transaction.commit()
        except Exception as error:  # noqa: BLE001 - translated
            transaction.fail(error)
        finally:
            transaction.rollback()
        return rows

    def _execute_ours(self, statements: Sequence[str], limits: Limits) -> list[tuple[object, ...]]:
        transaction = self._transaction
        transaction.begin(limits)
        for text in () if transaction.read_only else transaction.adapter.durable():
            transaction.ask(text)
        *_, rows = [transaction.ask(text) for text in statements]
        return [] if _changes(statements[-1]) else rows

    def _claim(self, claim: Claim, limits: Limits, path: Sequence[str]) -> None:
        """A transaction that holds the marker of `claim`."""
        transaction = self._transaction
        transaction.phase = Phase.CLAIMING  # also of BEGIN, which may have to wait for the only lock of the database
        transaction.begin(limits, path)
        if not transaction.adapter.believed:
            self._prove(claim)
            return
        for text in transaction.adapter.claims(claim):
            transaction.cursor.execute(text)
            if transaction.adapter.changed(transaction.cursor, StatementClass.WRITE) != 1:
                raise markers.refusal(transaction.ask(markers.look(claim)), claim)

    def _prove(self, claim: Claim) -> None:
        """Claim without believing row counts: the marker has a random token of this attempt until its rows are known."""
        transaction = self._transaction
        token = markers.token(secrets.randbits(TOKEN_BITS))
        for text in markers.claiming(claim, transaction.adapter.name, rows=token):
            transaction.ask(text)
        found = transaction.ask(markers.look(claim))
        if not markers.has_token(found, claim, token):
            raise markers.refusal(found, claim)

    def _execute(
        self, statement: SqlStatement, sets: Sequence[ParameterSet], order: Sequence[int], *, in_packets: bool = False
    ) -> Reply:
        """The batch."""
        transaction = self._transaction
        attempt = transaction.attempt
        if in_packets and len(sets) > 1 and statement.shares_packets and transaction.adapter.joins:
            self._execute_packets(statement, sets, order)
        else:
            self._execute_calls(statement, sets, order)
        if attempt.cancelled and transaction.adapter.ends_quietly:
            raise self._ended(order)
        reader = transaction.cursors.last_reader(statement.decoding)
        return reply_of(transaction, statement, reader, attempt.answers, order)

    def _execute_calls(self, statement: SqlStatement, sets: Sequence[ParameterSet], order: Sequence[int]) -> None:
        """One execution for each set: the hot loop of this driver. Nothing else may happen per parameter set."""
        transaction = self._transaction
        cursor, attempt = transaction.cursors.reader(statement.decoding), transaction.attempt
        execute, append = cursor.execute, attempt.answers.append
        keeps, bare = transaction.cursors.keeps, statement.binding.bare
        warned = transaction.adapter.warned
        clock, limit_s = time.monotonic, self._limit_s()
        since_s = clock()
        for text, values in statement.binding.calls(sets):
            if attempt.cancelled:
                raise self._ended(order)
            if not keeps:
                cursor = transaction.cursors.reader(statement.decoding)
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
            if warned is not None and warned(cursor):
                transaction.warned.see(cursor, statement.query, undoable=transaction.is_open)
            append(answer)

    def _execute_packets(self, statement: SqlStatement, sets: Sequence[ParameterSet], order: Sequence[int]) -> None:
        """Several sets in each packet; nothing but reading its result may happen per parameter set."""
        transaction = self._transaction
        cursor, attempt = transaction.cursors.reader(statement.decoding), transaction.attempt
        adapter, append = transaction.adapter, attempt.answers.append
        write = adapter.writer(cursor, bare=statement.binding.bare)
        for texts in multi_statement_packet.packets(statement.binding.calls(sets), write, adapter.largest_packet):
            if attempt.cancelled:
                raise self._ended(order)
            try:
                with closing(
                    multi_statement_packet.results(
                        cursor, texts, attempt, limit_s=self._limit_s(), warned=adapter.warned
                    )
                ) as results:
                    for _ in results:
                        append(self._answer(cursor, statement))
            except multi_statement_packet.SetBySet:
                if attempt.cancelled:
                    raise self._ended(order) from None
                raise

    def _limit_s(self) -> float:
        """What an answer may take and still be believed."""
        limit_s = self._transaction.attempt.timeout_s
        return limit_s - EARLY_S if limit_s is not None and self._transaction.adapter.ends_quietly else math.inf

    def _ended(self, order: Sequence[int]) -> DatabaseError:
        """The error of a statement that was called back, or whose answer came too late to be believed."""
        transaction = self._transaction
        at = len(transaction.attempt.answers)
        cancelled = transaction.attempt.cancelled
        return DatabaseError(
            "cancelled" if cancelled else f"timed out after {transaction.attempt.timeout_s:g}s",
            sqlstate=CANCELED,
            phase=transaction.phase,
            position=None if cancelled or at >= len(order) else order[at],
            confirmed=transaction.phase is not Phase.COMMITTING,
        )

    def _answer(self, cursor: DbapiCursor, statement: SqlStatement) -> object:
        rows = statement.returns_rows
        if rows is False or (rows is None and not cursor.description):
            return self._transaction.adapter.changed(cursor, statement.query.statement)
        return self._transaction.fetch(cursor)

    def _check(self, reply: Reply, statement: SqlStatement, sets: int, limits: Limits) -> None:
        if limits.expect_rows is not None:
            if reply.changed == UNCOUNTED:
                raise explain_uncounted("--expect-rows")
            counts = statement.returns_rows is False
            check_rows(reply, sets, limits.expect_rows, counted=counts)


def _changes(text: str) -> bool:
    """Whether one of our statements changes data and gives no rows: some libraries give their count as a row."""
    return text.startswith(("INSERT", "UPDATE", "DELETE", "CREATE")) and "RETURNING" not in text
