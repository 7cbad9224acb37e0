"""Write a new run into a ledger file of this program's revision, with `sqlite3` alone, in a private thread.

To import SQLAlchemy takes longer than ten thousand short queries, and each step of an asynchronous engine is another thread's turn:
together a twentieth of a run of a million and more. What is written is the same, and as durable; a file that cannot be written is found
before anything is sent. SQLAlchemy is imported when there is something to ask: who has taken the run over, whom an output replaces.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bulkq.ledger import row_conversion
from bulkq.ledger.explain_errors import in_one_line
from bulkq.ledger.file_lock_and_revision import FULL, Lock, connect_file, path_of, refuse_empty_file, revision_in
from bulkq.ledger.revision_constants import HEAD
from bulkq.model.frozen_dataclass import mutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from bulkq.ledger.location import LedgerLocation
    from bulkq.ledger.recorder import CommitGroup
    from bulkq.model import RunRecord, SinkPosition

P = ParamSpec("P")
T = TypeVar("T")


@mutable
class LedgerFile:
    """A ledger file of this program's revision, open and locked."""

    lock: Lock
    connection: sqlite3.Connection


def find_ready_file(place: LedgerLocation) -> LedgerFile | None:
    """The ledger file at `place`, which is created if there is none; None if it must be upgraded or diagnosed first. Blocks.

    Raises:
        LedgerError: it cannot be created or read.
    """
    path = path_of(place)
    with in_one_line(place), contextlib.ExitStack() as undo:
        lock = Lock(path) if path.exists() else _created(place)
        undo.callback(lock.close)
        refuse_empty_file(place)
        connection = connect_file(path)
        undo.callback(connection.close)
        connection.execute(FULL)
        try:
            if revision_in(connection) != HEAD:
                return None
        except sqlite3.OperationalError:  # not a ledger; opening it through SQLAlchemy gives the error message
            return None
        undo.pop_all()
        return LedgerFile(lock, connection)


def _created(place: LedgerLocation) -> Lock:
    """The lock of a new file; most runs do not need what makes one."""
    from bulkq.ledger.file_create import prepare_file

    return prepare_file(place, create=True)


class DirectRows:
    """Writes the rows of one run into a file, see `bulkq.ledger.recorder.RowWriter`.

    Args:
        place: where the ledger is.
        file: as `find_ready_file` has found it.
    """

    def __init__(self, place: LedgerLocation, file: LedgerFile) -> None:
        self._place = place
        self._file = file
        self._thread = ThreadPoolExecutor(1, "bulkq ledger")
        self._closed = False

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
    ) -> None:
        """Insert a new run; durable on return."""
        await self._do(self._begin, record, sources, outputs)

    async def commit(self, group: CommitGroup) -> None:
        """Write a group; durable on return."""
        await self._do(self._commit, group)

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        return await self._do(self._beside, run)

    async def read(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **options: P.kwargs
    ) -> T:
        """What `work` finds in the file.

        Raises:
            LedgerError: whatever fails.
        """
        return await self._do(work, self._file.connection, *args, **options)

    async def write(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **options: P.kwargs
    ) -> T:
        """Do `work` in one transaction, which is durable on return.

        Raises:
            LedgerError: whatever fails; nothing of it was kept then.
        """

        def alone() -> T:
            with self._transaction() as connection:
                return work(connection, *args, **options)

        return await self._do(alone)

    async def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._do(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do `work` in the thread.

        Raises:
            LedgerError: whatever fails.
        """
        with in_one_line(self._place):
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*arguments, **options))

    # --- in the thread --------------------------------------------------------------------------------------------

    def _begin(self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]) -> None:
        if record.retry_of is not None or record.group is not None:  # it may have to be the only one
            from bulkq.ledger.write_statements import LedgerStatements

            self._asked(LedgerStatements(self._place).begin, record, sources, outputs)
            return
        with self._transaction() as connection:
            for table, made in row_conversion.first_rows(record, sources, outputs).items():
                heartbeat: row_conversion.Row = {"heartbeat_s": time.time()} if table == "runs" else {}
                put_rows(connection, "INSERT", table, [row | heartbeat for row in made])

    def _commit(self, group: CommitGroup) -> None:
        values = group.values | {"heartbeat_s": time.time()}
        ours = f"UPDATE runs SET {_equal(values, ', ')} WHERE run = ? AND owner = ?"
        with self._transaction() as connection:
            if connection.execute(ours, [*values.values(), group.run, group.owner]).rowcount == 1:
                for table, keys in group.gone().items():
                    gone = f"DELETE FROM {table} WHERE {_equal(keys[0], ' AND ')}"
                    connection.executemany(gone, [list(key.values()) for key in keys])
                for table, changed in group.kept().items():
                    put_rows(connection, "INSERT OR REPLACE", table, changed)
                _put_events(connection, group.events)
                return
        from bulkq.ledger.write_statements import explain_lost_run

        raise self._asked(explain_lost_run, group.run, self._place)

    def _beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        from bulkq.ledger import query_runs

        return self._asked(query_runs.find_runs_of_same_output, run)

    def _asked(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """`work` in a transaction of SQLAlchemy, on the same connection."""
        from bulkq.ledger.write_statements import engine_over

        with engine_over(self._file.connection).begin() as connection:
            return work(connection, *arguments, **options)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction that excludes other writers; durable at the end."""
        connection = self._file.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _close(self) -> None:
        try:
            self._file.connection.close()
        finally:
            self._file.lock.close()


# Names of tables and columns are those of `schema`; values are always bound.


def put_rows(connection: sqlite3.Connection, verb: str, table: str, made: Sequence[row_conversion.Row]) -> None:
    """Insert `made`, one row or more with the same columns, with `verb` and into `table` by name."""
    columns, marks = ", ".join(map(_quoted, made[0])), ", ".join("?" * len(made[0]))
    connection.executemany(
        f"{verb} INTO {table} ({columns}) VALUES ({marks})",
        [list(row.values()) for row in made],
    )


def _put_events(connection: sqlite3.Connection, events: Sequence[row_conversion.Row]) -> None:
    """Insert events, or none of them: the marks do not depend on them."""
    if not events:
        return
    connection.execute("SAVEPOINT events")
    try:
        put_rows(connection, "INSERT", "events", events)
    except sqlite3.Error:
        connection.execute("ROLLBACK TO events")
    connection.execute("RELEASE events")


def _equal(names: Iterable[str], between: str) -> str:
    return between.join(f"{_quoted(name)} = ?" for name in names)


def _quoted(name: str) -> str:
    return f'"{name}"'
