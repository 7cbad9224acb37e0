"""The transactions of one open SQLite file: locks, deadline, and the translation of errors.

Everything runs in the connection's thread but `cancel`.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.drivers.sqlite import authorizer, error_place_and_advice, file_access
from bulkq.drivers.sqlite.page_cache import BUDGET, MANY_SETS, cache_pragma
from bulkq.drivers.sqlite.url_options import SqliteOptions
from bulkq.errors import DatabaseError, TargetError
from bulkq.model import Phase

if TYPE_CHECKING:
    from collections.abc import Sized
    from pathlib import Path

    from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
    from bulkq.model import ParameterSet, Query

TICK = 50_000
"""Steps of SQLite's virtual machine between two looks at the deadline: one to five milliseconds.

Each look needs the interpreter lock. Every 1,000 steps a scan takes a hundred times as long while another thread
computes (measured: 4.8 s for 0.05 s); every 50,000 three times.
"""

DEFAULTS = SqliteOptions()

SLICE_S = 0.1
"""SQLite waits this long for a lock at a time, then we look whether to go on: its own wait cannot be interrupted."""

CONNECT_PATIENCE_S = 8.0
PAUSE_S = 0.005
"""Between two tries for a lock, because SQLite does not wait where it sees a deadlock."""

ROLLBACKS = 3

UNSURE = ("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_NOMEM", "SQLITE_CORRUPT")
"""After these a COMMIT that left no transaction behind may have reached the disk."""


class Deadline:
    """Ends a statement that takes too long, or whose task was cancelled.

    SQLite asks `expired` every `TICK` steps. The number of answers so far says which statement runs, so that
    starting one costs nothing.
    """

    __slots__ = ("_answers", "_since_s", "_spent_s", "_which", "cancelled", "off", "passed", "timeout_s")

    def __init__(self) -> None:
        self.cancelled = False
        self.off = False  # a statement of our own runs: it is short, and a rollback must not be stopped
        self.start(None, ())

    def start(self, timeout_s: float | None, answers: Sized, spent_s: float = 0.0) -> None:
        """From now on each statement, counted by `answers`, may take `timeout_s`, less what was spent before."""
        self.timeout_s = timeout_s
        self.passed = False
        self._answers = answers
        self._spent_s = spent_s
        self._which = -1
        self._since_s = 0.0

    def expired(self) -> bool:
        """Whether the running statement must end. Its clock starts at the first call for it."""
        if self.off:
            return False
        if self.cancelled:
            return True
        if self.timeout_s is None:
            return False
        which = len(self._answers)
        if which != self._which:
            self._which = which
            self._since_s = time.monotonic() - self._spent_s
            return False
        self.passed = time.monotonic() - self._since_s >= self.timeout_s
        return self.passed


class Handle:
    """The database file at `path`. Made anywhere; from `open` on it belongs to one thread.

    Args:
        path: an existing file.
        read_only: open the file so that nothing can be written.
        options: of the URL.
    """

    def __init__(self, path: Path, *, read_only: bool, options: SqliteOptions = DEFAULTS) -> None:
        self._options = options
        self.deadline = Deadline()
        self.reading = read_only  # what the authorizer and query_only go by
        self.verb = ""
        self._path = path
        self.read_only = read_only
        self._refusal = ""
        self._raw: sqlite3.Connection | None = None
        self._kept_bytes: int | None = None  # of the file, reserved in BUDGET; None before they were asked for
        self.committing = False  # from before a COMMIT looks for a cancellation to the end of the hop

    def open(self) -> sqlite3.Connection:
        """Open the file and look into it, so that what is wrong with it is said now.

        Raises:
            TargetError: no such file, not a database, no permission, locked.
        """
        file_access.must_be_usable(self._path, write=not self.read_only)
        try:
            return self._opened()
        except sqlite3.Error as error:
            if self._raw is not None:
                self._raw.close()
            raise TargetError(file_access.why_not_open(self._path, error, CONNECT_PATIENCE_S)) from error

    def _opened(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rw"  # "rw" does not create a file
        uri = f"{self._path.absolute().as_uri()}?mode={mode}{'&immutable=1' if self._options.immutable else ''}"
        raw = self._raw = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=SLICE_S)
        self.cursor = raw.cursor()
        self.own = raw.cursor()
        self._set_query_only()
        self.wait_for("SELECT 1 FROM sqlite_master LIMIT 1", CONNECT_PATIENCE_S)
        for pragma in self._options.pragmas:
            self.wait_for(pragma, CONNECT_PATIENCE_S)
        raw.set_authorizer(self._authorize)
        raw.set_progress_handler(self.deadline.expired, TICK)
        return raw

    def cancel(self) -> None:
        """End the running statement and the hop around it. The only method for other threads; may be called again."""
        self.deadline.cancelled = True
        if self._raw is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self._raw.interrupt()

    def pass_the_point_of_no_return(self) -> None:
        """What comes now may last.

        Raises:
            DatabaseError: the task was cancelled.
        """
        self.committing = True  # first: a canceller that sees False afterwards knows that nothing will be committed
        if self.deadline.cancelled:
            raise DatabaseError("cancelled", sqlstate="SQLITE_INTERRUPT", phase=Phase.SENT)

    def commit(self, patience_s: float | None) -> None:
        """Make the transaction last, or say why not.

        Raises:
            DatabaseError: `confirmed` is False where it may have reached the disk all the same.
        """
        self.pass_the_point_of_no_return()
        try:
            self.wait_for("COMMIT", patience_s)
        except sqlite3.Error as error:
            failed = self.failed(error, None, phase=Phase.COMMITTING, patience_s=patience_s)
            if not self.raw.in_transaction and (failed.sqlstate or "").startswith(UNSURE):
                failed.confirmed = False
            raise failed from error

    @property
    def raw(self) -> sqlite3.Connection:
        """The open connection."""
        if self._raw is None:
            raise DatabaseError("the connection is closed", sqlstate=None, phase=Phase.CONNECTING, connection_lost=True)
        return self._raw

    def start(self, query: Query, timeout_s: float | None, answers: Sized, *, reading: bool) -> None:
        """Begin a hop: each statement of `query`, counted by `answers`, may take `timeout_s`."""
        self.verb = query.verb.upper() or query.sql.lstrip().partition(" ")[0].upper()
        self._refusal = ""
        self.deadline.start(timeout_s, answers)
        self.let(reading=reading)

    def let(self, *, reading: bool) -> None:
        """From now on statements may only read, or may change the file unless it was opened read-only."""
        if self.reading is not (reading or self.read_only):
            self.reading = not self.reading
            self._set_query_only()

    def _set_query_only(self) -> None:
        self.wait_for(f"PRAGMA query_only = {int(self.reading)}", 0.0)

    def keep_file(self, sets: int) -> None:
        """Keep the whole file in memory if a batch of `sets` sets may profit from it and the URL has no size."""
        if sets < MANY_SETS or self._kept_bytes is not None:
            return
        self._kept_bytes = 0
        if any(pragma.startswith("PRAGMA cache_size") for pragma in self._options.pragmas):
            return
        with suppress(OSError, sqlite3.Error):  # the file has no name any more, or is locked: it works without
            self._kept_bytes = BUDGET.take(self._path.stat().st_size)
            if self._kept_bytes:
                self.wait_for(cache_pragma(self._kept_bytes), 0.0)

    def forget_file(self) -> None:
        """Give back what `keep_file` has reserved: the connection is closed. May be called again, and from another thread."""
        kept, self._kept_bytes = self._kept_bytes, 0
        BUDGET.give_back(kept or 0)

    def begin_reading(self, patience_s: float | None) -> None:
        """Begin, and take the lock at once: then no statement of the batch waits for it."""
        self.begin("BEGIN", patience_s, Phase.SENT)
        self.begin("SELECT 1 FROM sqlite_master LIMIT 1", patience_s, Phase.SENT)

    def begin(self, text: str, patience_s: float | None, phase: Phase) -> None:
        """Execute `text`, which begins something, waiting for locks.

        Raises:
            DatabaseError: the lock was not to be had, or the file cannot be read.
        """
        try:
            self.wait_for(text, patience_s)
        except sqlite3.Error as error:
            self.rollback()
            raise self.failed(error, None, phase=phase, patience_s=patience_s) from error

    def wait_for(self, text: str, patience_s: float | None) -> None:
        """Execute a statement of our own, and repeat it while another connection holds the lock."""
        end_s = None if patience_s is None else time.monotonic() + patience_s
        self.deadline.off = True
        try:
            while True:
                try:
                    self.own.execute(text).fetchall()
                except sqlite3.OperationalError as error:
                    late = end_s is not None and time.monotonic() >= end_s
                    if not _state(error).startswith("SQLITE_BUSY") or late or self.deadline.cancelled:
                        raise
                    time.sleep(PAUSE_S)
                else:
                    return
        finally:
            self.deadline.off = False

    def run_own(self, text: str, phase: Phase) -> list[tuple[object, ...]]:
        """The rows of a statement of our own inside an open transaction; `own.rowcount` is how many it changed.

        Raises:
            DatabaseError: SQLite refuses it.
        """
        self.deadline.off = True
        try:
            return self.own.execute(text).fetchall()
        except sqlite3.Error as error:
            raise self.failed(error, None, phase=phase) from error
        finally:
            self.deadline.off = False

    def schema_version(self) -> object:
        """The number that every change of the schema changes; in a transaction."""
        ((version,),) = self.run_own("PRAGMA schema_version", Phase.SENT)
        return version

    def rollback(self) -> None:
        """End whatever transaction is open.

        Raises:
            DatabaseError: it cannot be ended, so the connection must be.
        """
        raw = self.raw
        for _ in range(ROLLBACKS):  # an interrupt that came late may hit the first
            if not raw.in_transaction:
                return
            with suppress(sqlite3.Error):
                self.wait_for("ROLLBACK", 0.0)
        if raw.in_transaction:
            raise DatabaseError("ROLLBACK failed", sqlstate=None, phase=Phase.SENT, connection_lost=True)

    def _authorize(
        self, action: int, first: str | None, second: str | None, _database: str | None, _source: str | None
    ) -> int:
        """SQLite asks at every compilation whether a statement may do what it says."""
        if self.deadline.off:
            return sqlite3.SQLITE_OK
        reason = authorizer.explain_refusal(action, first, second, reading=self.reading, verb=self.verb)
        self._refusal = reason or self._refusal
        return sqlite3.SQLITE_DENY if reason else sqlite3.SQLITE_OK

    def failed(
        self,
        error: Exception,
        binding: SqliteBinding | None,
        *,
        phase: Phase = Phase.SENT,
        values: ParameterSet | None = None,
        position: int | None = None,
        patience_s: float | None = None,
    ) -> DatabaseError:
        """`error` in our words."""
        # before the error itself: after a failed statement, Python 3.11 reports the next failed binding as that error
        if binding is not None and values is not None and (complaint := binding.complaint(values)):
            return DatabaseError(complaint, sqlstate=None, phase=Phase.ENCODING, position=position)
        state = _state(error)
        message = self._message(error, state, patience_s)
        at = (
            error_place_and_advice.find_culprit(message, binding.sample)
            if phase is Phase.PREPARING and binding is not None
            else None
        )
        offset = None if at is None or binding is None else binding.offset(at)
        hint = error_place_and_advice.next_step(message)
        return DatabaseError(message, sqlstate=state or None, phase=phase, position=position, offset=offset, hint=hint)

    def _message(self, error: Exception, state: str, patience_s: float | None) -> str:
        if state == "SQLITE_INTERRUPT":
            timed_out = self.deadline.passed and not self.deadline.cancelled
            return f"timed out after {self.deadline.timeout_s:g}s" if timed_out else "interrupted"
        if state == "SQLITE_AUTH" and self._refusal:
            return self._refusal
        if state.startswith("SQLITE_BUSY"):
            waited = "" if patience_s is None else f" (waited {patience_s:g}s)"
            return f"the database is locked by another connection{waited}"
        return str(error)


def _state(error: Exception) -> str:
    """SQLite's name for the error, such as SQLITE_BUSY; "" where Python raised it."""
    return getattr(error, "sqlite_errorname", None) or ""
