"""What a connection does inside its thread: compile, read, write, stream.

A method is one hop: it loops over the parameter sets of a batch, so that what a hop costs is paid per batch.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects import SQLITE, pragmas
from bulkq.drivers.build_reply import ROWCOUNT, list_counts, transpose_answers
from bulkq.drivers.expected_rows import check_rows
from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
from bulkq.drivers.sqlite.insert_marker import insert_marker
from bulkq.drivers.sqlite.result_columns import ask_for_columns, columns_of
from bulkq.errors import DatabaseError
from bulkq.model import Column, Phase, Reply, SetError, StatementClass
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy.check_attempt_step_rows import blame_step, check_step
from bulkq.policy.server_error_advice import TRANSACTION_OFF
from bulkq.query import name_parts
from bulkq.text.message_parts import nearest_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized

    from bulkq.drivers.prepare_attempt_steps import PreparedSteps
    from bulkq.drivers.sqlite.batch_statement import SharedStatement
    from bulkq.drivers.sqlite.transaction import Handle
    from bulkq.model import AttemptStep, Claim, Limits, ParameterSet, Query

    Call = tuple[str, tuple[object, ...]]
    Rows = list[tuple[object, ...]]

PREPARE_PATIENCE_S = 5.0
PIECE = 5_000
"""Rows per hop of a streamed result."""

TROUBLE = (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError)
"""What `sqlite3` raises for a statement and its values; `Warning` is several statements at once, before Python 3.12."""


@mutable(eq=False)
class SqliteStatement:
    """A query as a session understands it; see `bulkq.protocols.Statement`."""

    query: Query
    columns: tuple[Column, ...]
    returns_rows: bool | None
    parameter_types: tuple[str, ...]
    single: bool
    binding: SqliteBinding
    writes: bool
    schema: object  # the version that `columns` are of
    shared: SharedStatement | str | None = None
    """What stands for several sets, or why nothing does; None if it was not asked for."""


class SqliteSession:
    """What a connection does in its thread, on the file that `db` has opened or will open."""

    def __init__(self, db: Handle) -> None:
        self._db = db
        self._spent_s = 0.0
        self._explained = 0

    # asking about a query

    def prepare(self, query: Query, identifiers: Mapping[str, str], *, typed: bool) -> SqliteStatement:
        """Compile `query` and learn what it does. Nothing of it is executed.

        Raises:
            DatabaseError: SQLite, or a rule of ours, refuses the text, or an identifier is not in the database.
        """
        if query.transaction and pragmas.CHECKPOINT.match(query.sql) and not self._db.read_only:
            raise DatabaseError(
                "wal_checkpoint cannot run inside a transaction",
                sqlstate="SQLITE_LOCKED",
                phase=Phase.PREPARING,
                hint=TRANSACTION_OFF,
            )
        self._db.start(query, None, (), reading=self._db.read_only)
        self._db.begin("BEGIN", PREPARE_PATIENCE_S, Phase.PREPARING)
        try:
            quoted_names = {name: self._identifier(name, value) for name, value in identifiers.items()}
            most = self._db.cursor.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
            return self._described(query, SqliteBinding(query, quoted_names, typed=typed, most=most))
        finally:
            self._db.rollback()

    def _described(self, query: Query, binding: SqliteBinding) -> SqliteStatement:
        returns_rows, writes = self._effects(query, binding)
        columns: tuple[Column, ...] = ()
        if returns_rows and not writes:
            columns = ask_for_columns(self._db, binding)
        elif returns_rows is False:
            columns = (ROWCOUNT,)
        return SqliteStatement(
            query=query,
            columns=columns,
            returns_rows=returns_rows,
            parameter_types=("",) * len(query.parameters),
            single=not query.transaction,
            binding=binding,
            writes=writes,
            schema=self._db.schema_version() if columns and returns_rows and self._db.verb != "EXPLAIN" else None,
        )

    def _effects(self, query: Query, binding: SqliteBinding) -> tuple[bool | None, bool]:
        """Whether rows come back (None: not known) and whether data is changed, as the compiled program says."""
        if self._db.verb == "PRAGMA" and not self._db.reading:
            return None, False  # some pragmas act while they are compiled, and EXPLAIN compiles
        try:
            program = self._explain(binding.sample, binding.nulls)
        except TROUBLE as error:
            raise self._db.failed(error, binding, phase=Phase.PREPARING) from error
        if self._db.verb == "EXPLAIN":
            return True, False
        if self._db.verb == "PRAGMA":
            return None, False
        returns_rows = any(step[1] == b"ResultRow" for step in program)
        writes = any(step[1] == b"Transaction" and step[3] for step in program)
        return returns_rows, writes or query.statement is StatementClass.WRITE

    def _explain(self, text: str, values: Sequence[object]) -> Rows:
        """The compiled program of `text`, with texts as bytes."""
        # Python keeps statements by their text, and SQLite does not compile an EXPLAIN again after a change of the schema: a second
        # one would read memory that is free.
        self._explained += 1
        text = text if self._db.verb == "EXPLAIN" else f"EXPLAIN /* {self._explained} */ {text}"
        raw = self._db.cursor.connection
        raw.text_factory = bytes  # a literal such as x'ff' stands in the program as it is, and is no UTF-8
        try:
            return self._db.cursor.execute(text, values).fetchall()
        finally:
            raw.text_factory = str

    def _identifier(self, name: str, value: str) -> str:
        """`value` quoted, if the database has a table, view, column or index of that name; `main.name` too."""
        known = {known.lower() for known in self._catalog()}
        schema, _, rest = value.rpartition(".")
        for parts in ((value,), (schema, rest), name_parts(value, '"`')):
            *schemas, last = parts or ("",)
            if last.lower() in known and [name.lower() for name in schemas] in ([], ["main"], ["temp"]):
                return ".".join(map(SQLITE.identifier, parts))
        raise DatabaseError(
            f':{{{name}}}: no table, view, column or index is named "{value}"',
            sqlstate="SQLITE_ERROR",
            phase=Phase.PREPARING,
            hint=nearest_hint(value, known),
        )

    def _catalog(self) -> Iterator[str]:
        yield from ("sqlite_master", "sqlite_schema")
        run = self._db.own.execute
        objects = run(
            "SELECT name, type FROM sqlite_master UNION ALL SELECT name, type FROM sqlite_temp_master"
        ).fetchall()
        for name, kind in objects:
            yield name
            if kind in {"table", "view"}:
                with suppress(sqlite3.Error):  # a view whose table is gone
                    yield from chain.from_iterable(run("SELECT name FROM pragma_table_xinfo(?)", (name,)).fetchall())

    # reading

    def share(self, statement: SqliteStatement) -> None:
        """Ask for the statement that stands for several sets of a batch, or note why there is none.

        Raises:
            DatabaseError: the database stayed locked.
        """
        from bulkq.drivers.sqlite import batch_statement

        self._db.start(statement.query, None, (), reading=True)
        self._db.begin("BEGIN", PREPARE_PATIENCE_S, Phase.PREPARING)
        try:
            statement.shared = batch_statement.share(
                self._db,
                statement.query,
                statement.columns,
                statement.binding,
                lambda text, count: self._explain(text, (None,) * count),
            )
        finally:
            self._db.rollback()

    def read_together(self, statement: SqliteStatement, sets: Sequence[ParameterSet], limits: Limits) -> Reply:
        """Execute `statement` for every set in one read transaction, several by one statement.

        Raises:
            DatabaseError: the database stayed locked, or the hop was cancelled; with `together`, a set failed, its deadline passed, or
                the schema has changed.
        """
        from bulkq.drivers.sqlite import batch_statement

        answers: list[int] = []
        shared = statement.shared
        assert isinstance(shared, batch_statement.SharedStatement), "ask `share` first"
        self._db.start(statement.query, limits.timeout_s, answers, reading=True)
        self._db.keep_file(len(sets))
        self._db.begin_reading(limits.lock_timeout_s)
        try:
            if self._follow_schema(statement, limits.timeout_s, answers) != shared.schema or not statement.shared:
                statement.shared = None
                raise _together(DatabaseError("the schema has changed", sqlstate="SQLITE_SCHEMA", phase=Phase.SENT))
            return batch_statement.execute(self._db, shared, statement.columns, statement.binding, sets, answers)
        except TROUBLE as error:
            failed = self._db.failed(error, statement.binding)
            raise (failed if self._db.deadline.cancelled else _together(failed)) from error
        finally:
            self._db.rollback()

    def read(self, statement: SqliteStatement, sets: Sequence[ParameterSet], limits: Limits) -> Reply:
        """Execute `statement` for every set, in one read transaction; a set that fails does not disturb the others.

        Raises:
            DatabaseError: the database stayed locked, or the hop was cancelled.
        """
        answers: list[Sequence[tuple[object, ...]]] = []
        self._db.start(statement.query, limits.timeout_s, answers, reading=True)
        self._db.keep_file(len(sets))
        self._db.begin_reading(limits.lock_timeout_s)
        try:
            self._follow_schema(statement, limits.timeout_s, answers)
            columns = [statement.columns]
            calls = iter(statement.binding.calls(sets))
            if not statement.columns:
                calls = self._noting(calls, columns)
            errors = self._answered(statement, sets, calls, answers)
        finally:
            self._db.rollback()
        return transpose_answers(columns[-1], answers, errors=tuple(errors))

    def _follow_schema(self, statement: SqliteStatement, timeout_s: float | None, answers: Sized) -> object:
        """Return the version of the schema. If it is new, ask for the columns again: SQLite compiles anew, and `*` may be others."""
        version = self._db.schema_version()
        if version != statement.schema and statement.columns and self._db.verb != "EXPLAIN":
            found = ask_for_columns(self._db, statement.binding)
            self._db.deadline.start(timeout_s, answers)
            statement.columns = statement.columns if found == statement.columns else found
            statement.schema, statement.shared = version, None
        return version

    def _answered(
        self,
        statement: SqliteStatement,
        sets: Sequence[ParameterSet],
        calls: Iterator[Call],
        answers: list[Sequence[tuple[object, ...]]],
    ) -> list[SetError]:
        execute, fetchall, append = self._db.cursor.execute, self._db.cursor.fetchall, answers.append
        errors: list[SetError] = []
        while True:
            try:
                for text, values in calls:  # the hot loop: nothing else may happen per parameter set
                    execute(text, values)
                    append(fetchall())
                return errors  # noqa: TRY300 - the loop above ends only here
            except TROUBLE as error:
                position = len(answers)
                failed = self._db.failed(error, statement.binding, values=sets[position], position=position)
                if self._db.deadline.cancelled:
                    raise failed from error
                errors.append(SetError(position, failed.sqlstate, str(failed), failed.hint))
                append(())

    def _noting(self, calls: Iterable[Call], columns: list[tuple[Column, ...]]) -> Iterator[Call]:
        """The calls; the columns of the first that has an answer go to `columns`."""
        for call in calls:
            yield call
            if self._db.cursor.description and not columns[-1]:
                columns.append(columns_of(self._db.cursor))

    # writing

    def write(
        self,
        statement: SqliteStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        claim: Claim | None,
        before_commit: Callable[[int], None] | None,
        steps: PreparedSteps[SqliteStatement] | None = None,
    ) -> Reply:
        """Execute `statement` for every set in one transaction; the first error undoes all of it.

        Raises:
            DatabaseError: with the `position` of the set that failed.
            AlreadyApplied: the marker of `claim` was there.
            NotOwner: the run of `claim` is not ours.
        """
        answers: list[Rows | int] = []
        self._db.start(statement.query, limits.timeout_s, answers, reading=False)
        if statement.single:
            return self._alone(statement, sets, answers)
        self._db.keep_file(len(sets))
        phase = Phase.SENT if claim is None else Phase.CLAIMING
        self._db.begin("BEGIN IMMEDIATE", limits.lock_timeout_s, phase)
        try:
            if claim is not None:
                insert_marker(self._db, claim)
            if steps is not None:
                self._take_steps(steps.before, limits)
                self._db.start(statement.query, limits.timeout_s, answers, reading=False)
            self._applied(statement, sets, answers)
            reply = self._reply(statement, answers)
            if limits.expect_rows is not None:
                counted = statement.returns_rows is False
                check_rows(reply, len(sets), limits.expect_rows, counted=counted)
            if before_commit is not None:
                before_commit(reply.changed)
            if steps is not None:
                self._take_steps(steps.after, limits)
                if steps.rollback:
                    return reply
            if claim is not None and reply.changed != claim.sets:
                self._db.run_own(markers.count(claim, reply.changed), Phase.SENT)
            self._db.commit(limits.lock_timeout_s)
        finally:
            self._db.rollback()
        return reply

    def _take_steps(self, steps: Sequence[tuple[AttemptStep, SqliteStatement]], limits: Limits) -> None:
        for step, statement in steps:
            answers: list[Rows | int] = []
            self._db.start(step.query, limits.timeout_s, answers, reading=False)
            try:
                self._applied(statement, [step.params], answers)
                check_step(step, self._reply(statement, answers))
            except DatabaseError as error:
                blame_step(error, step)
                raise

    def _alone(self, statement: SqliteStatement, sets: Sequence[ParameterSet], answers: list[Rows | int]) -> Reply:
        self._db.pass_the_point_of_no_return()
        try:
            self._applied(statement, sets, answers)
        finally:
            self._db.rollback()
        return self._reply(statement, answers)

    def administer(self, statements: Sequence[str], patience_s: float | None) -> list[tuple[object, ...]]:
        """Execute our own statements in one transaction; the rows of the last one.

        Raises:
            DatabaseError: the first that failed, or the lock was not to be had.
        """
        self._db.let(reading=False)
        self._db.begin("BEGIN" if self._db.read_only else "BEGIN IMMEDIATE", patience_s, Phase.SENT)
        try:
            *_, rows = [self._db.run_own(text, Phase.SENT) for text in statements]
            self._db.commit(patience_s)
        finally:
            self._db.rollback()
        return rows

    def _applied(self, statement: SqliteStatement, sets: Sequence[ParameterSet], answers: list[Rows | int]) -> None:
        raw, cursor, rows = self._db.raw, self._db.cursor, statement.returns_rows is not False
        phase = Phase.COMMITTING if statement.single else Phase.SENT
        try:
            for text, values in statement.binding.calls(sets):
                cursor.execute(text, values)
                answers.append(cursor.fetchall() if rows else self._changed(statement))
                if not (raw.in_transaction or statement.single):
                    raise _ended_early(len(answers) - 1)
        except TROUBLE as error:
            position = len(answers)
            raise self._db.failed(
                error, statement.binding, values=sets[position], position=position, phase=phase
            ) from error

    def _changed(self, statement: SqliteStatement) -> int:
        """Rows changed by the last statement; Python does not count where it begins with WITH."""
        count = self._db.cursor.rowcount
        if count < 0 and statement.query.statement is StatementClass.WRITE:
            (count,) = self._db.own.execute("SELECT changes()").fetchone()
        return max(count, 0)

    def _reply(self, statement: SqliteStatement, answers: Sequence[Rows | int]) -> Reply:
        return list_counts(answers) if statement.returns_rows is False else self._returned(statement, answers)

    def _returned(self, statement: SqliteStatement, answers: Sequence[Rows | int]) -> Reply:
        rows = [answer for answer in answers if isinstance(answer, list)]
        changed = sum(map(len, rows)) if statement.writes else 0
        return transpose_answers(columns_of(self._db.cursor), rows, changed=changed)

    # a result in pieces

    def begin_stream(self, statement: SqliteStatement, params: ParameterSet, limits: Limits) -> Reply:
        """Execute `statement` for one set and give the first piece; `end_stream` must follow.

        Raises:
            DatabaseError: as the only set, at position 0.
        """
        self._db.start(statement.query, limits.timeout_s, (), reading=True)
        self._spent_s = 0.0
        self._db.begin_reading(limits.lock_timeout_s)
        self._follow_schema(statement, limits.timeout_s, ())
        (call,) = statement.binding.calls([params])
        return self._piece(statement, params, limits, call)

    def next_piece(self, statement: SqliteStatement, params: ParameterSet, limits: Limits) -> Reply:
        """The next rows, at most `PIECE`; none at the end."""
        return self._piece(statement, params, limits, None)

    def end_stream(self) -> None:
        """Forget the rest of the result."""
        self._db.rollback()

    def _piece(self, statement: SqliteStatement, params: ParameterSet, limits: Limits, call: Call | None) -> Reply:
        # the time that the reader of the rows takes between two pieces is not the statement's
        self._db.deadline.start(limits.timeout_s, (), self._spent_s)
        started_s = time.monotonic()
        try:
            if call:
                self._db.cursor.execute(*call)
            rows = self._db.cursor.fetchmany(PIECE)
        except TROUBLE as error:
            raise self._db.failed(error, statement.binding, values=params, position=0) from error
        self._spent_s += time.monotonic() - started_s
        return transpose_answers(statement.columns or columns_of(self._db.cursor), [rows])


def _together(error: DatabaseError) -> DatabaseError:
    """`error` as one that says nothing of a single set."""
    error.together = True
    return error


def _ended_early(position: int) -> DatabaseError:
    return DatabaseError(
        "the statement ended the transaction of its batch, so what was done before it may be lost or lasting",
        sqlstate=None,
        phase=Phase.COMMITTING,
        position=position,
    )
