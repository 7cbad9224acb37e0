"""A ledger file that is there takes a new run at once, and SQLAlchemy is imported while the first queries are on their way.

The import takes a tenth of a second, and every step of an asynchronous engine another thread's turn: together a tenth of a run of
a million short queries. So a new run has one thread for its ledger, which does all of a commit in one go; and the first rows
are written with `sqlite3` alone, as durable as all others, so that a file that cannot be written is found before anything is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bulkq.ledger import rows
from bulkq.ledger.complaints import in_one_line
from bulkq.ledger.files import FULL, Lock, connect, look, path_of, revision_in
from bulkq.ledger.revision import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Engine

    from bulkq.ledger.places import Place
    from bulkq.ledger.recorder import Group
    from bulkq.ledger.writing import Writing
    from bulkq.model import RunRecord, SinkPosition

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class File:
    """A ledger file of this program's revision, open and locked."""

    lock: Lock
    connection: sqlite3.Connection


def find(place: Place) -> File | None:
    """The ledger file at `place`, where it is ready; None where it must first be made or upgraded, or be told what it is. Blocks.

    Raises:
        LedgerError: it cannot be read.
    """
    path = path_of(place)
    if not path.exists():
        return None
    with in_one_line(place), contextlib.ExitStack() as undo:
        lock = Lock(path)
        undo.callback(lock.close)
        look(place)
        connection = connect(path)
        undo.callback(connection.close)
        try:
            if revision_in(connection) != HEAD:
                return None
        except sqlite3.OperationalError:  # no table of ours; whoever opens it the long way says what it is
            return None
        undo.pop_all()
        return File(lock, connection)


class EarlyRows:
    """Writes the rows of one run into a file, see `bulkq.ledger.recorder.Rows`.

    Args:
        place: where the ledger is.
        file: as `find` has found it.
    """

    def __init__(self, place: Place, file: File) -> None:
        self._place = place
        self._file = file
        self._thread = ThreadPoolExecutor(1, "bulkq ledger")
        self._engine: Engine | None = None  # this and the next: of the thread alone
        self._statements: Writing | None = None
        self._closed = False

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
    ) -> None:
        """Insert a new run; durable on return."""
        if record.retry_of is not None:  # which asks more than there is to write
            await self._do(lambda: self._within(self._writing().begin, record, sources, outputs))
            return
        made = {
            "runs": [rows.run_row(record) | {"heartbeat_s": time.time()}],
            "spools": rows.spool_rows(record.run, sources),
            "positions": rows.position_rows(record.run, outputs),
        }
        await self._do(lambda: _insert(self._file.connection, made))
        self._thread.submit(
            self._writing
        )  # imports what the first commit needs; what goes wrong goes wrong there again

    async def commit(self, group: Group) -> None:
        """Write a group; durable on return."""
        await self._do(lambda: self._within(self._writing().commit, group))

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        return await self._do(lambda: self._beside(run))

    async def close(self) -> None:
        """Let go of the file."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._do(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        """Do `work` in the thread.

        Raises:
            LedgerError: whatever fails.
        """
        with in_one_line(self._place):
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # --- in the thread --------------------------------------------------------------------------------------------

    def _writing(self) -> Writing:
        """The statements, after the imports that they need."""
        if self._statements is None:
            from bulkq.ledger.writing import Writing, engine_over

            self._engine = engine_over(self._file.connection)
            self._statements = Writing(self._place)
        return self._statements

    def _within(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """`work` in one transaction."""
        assert self._engine is not None
        with self._engine.begin() as connection:
            return work(connection, *arguments, **options)

    def _beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        self._writing()
        from bulkq.ledger import reading

        return self._within(reading.beside, run)

    def _close(self) -> None:
        try:
            self._file.connection.close()
        finally:
            self._file.lock.close()


def _insert(connection: sqlite3.Connection, made: dict[str, list[rows.Row]]) -> None:
    """Insert rows into tables, all or none. Blocks."""
    connection.execute(FULL)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table, all_rows in made.items():
            for row in all_rows:
                connection.execute(f"INSERT INTO {table} ({_names(row)}) VALUES ({_marks(row)})", list(row.values()))
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _names(row: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in row)


def _marks(row: rows.Row) -> str:
    return ", ".join("?" * len(row))
