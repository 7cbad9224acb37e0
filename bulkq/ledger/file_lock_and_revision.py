"""The state of a ledger file and its lock, without SQLAlchemy.

The lock is `flock` on a file beside the ledger: shared by all processes that have the ledger open, exclusive for a process
that creates or replaces it. The kernel releases it when a process dies. Everything here blocks, so it runs in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import sqlite3
import time
from typing import TYPE_CHECKING

from bulkq.errors import LedgerError
from bulkq.ledger.explain_errors import describe_damage
from bulkq.ledger.revision_constants import READ_REVISION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkq.ledger.location import LedgerLocation

PATIENCE_S = 10.0
PAUSE_S = 0.02

FULL = "PRAGMA synchronous = FULL"
"""A commit that was promised outlives a power cut, also in WAL: https://sqlite.org/pragma.html#pragma_synchronous"""


class Lock:
    """The lock beside a ledger file. Held shared from the beginning; given back by `close` or by the end of the process."""

    def __init__(self, path: Path) -> None:
        """Open the lock of the ledger at `path` and share it.

        Raises:
            OSError: it cannot be made.
            LedgerError: another process keeps the ledger locked for too long.
        """
        self.exclusive = False
        self._path = path
        self._fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.share()
        except BaseException:
            self.close()
            raise

    def share(self) -> None:
        """Have it open together with others.

        Raises:
            LedgerError: another process keeps the ledger locked for too long.
        """
        self.exclusive = False
        end_s = time.monotonic() + PATIENCE_S
        while not self._lock(fcntl.LOCK_SH):
            if time.monotonic() >= end_s:
                raise LedgerError(
                    f'ledger "{self._path}": another process is upgrading it: try again when that process has ended'
                )
            _pause()

    def alone(self, done: Callable[[], bool]) -> None:
        """Wait until no other process has the ledger open, another process has `done` it, or patience ends.

        `exclusive` tells whether the lock is exclusive or shared. `done` runs under the shared lock: a file that is read while it is
        being replaced would be combined with the write-ahead log of the new one.
        """
        end_s = time.monotonic() + PATIENCE_S
        while not self._lock(fcntl.LOCK_EX):
            if self._lock(fcntl.LOCK_SH) and done():
                return
            if time.monotonic() >= end_s:
                self.share()
                return
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            _pause()
        self.exclusive = True

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except OSError as error:
            # A file system without locks says something else: sharing needs none there, being alone is not to be had.
            return kind == fcntl.LOCK_SH and error.errno not in {errno.EWOULDBLOCK, errno.EACCES}
        return True


def _pause() -> None:
    """Not in step with the others who wait."""
    time.sleep(PAUSE_S * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret


def path_of(place: LedgerLocation) -> Path:
    """The file of a ledger that is one."""
    if place.path is None:
        raise ValueError("a ledger in PostgreSQL is not a file")
    return place.path


def refuse_empty_file(place: LedgerLocation) -> None:
    """What SQLite would say less well, or take for an empty database.

    The file is not opened for it: to close it again would let go of the locks that other connections of this process have on
    it, see https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_ .

    Raises:
        LedgerError: it is not a file, or is empty.
    """
    path = path_of(place)
    if not path.is_file():
        raise describe_damage(place, "is not a file")
    if path.stat().st_size == 0:
        raise describe_damage(place, "is an empty file")


def connect_file(path: Path) -> sqlite3.Connection:
    """The file at `path`, which must exist, without transactions of Python's own; any thread may use and close it."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
    )


def revision_in(connection: sqlite3.Connection) -> str | None:
    """The revision of an open ledger file.

    Raises:
        sqlite3.Error: it has no table that says so, or cannot be read.
    """
    found = connection.execute(READ_REVISION.format(schema="")).fetchone()
    return None if found is None else str(found[0])


def read_revision(path: Path) -> str | None:
    """The revision of the ledger file at `path`.

    Raises:
        sqlite3.Error: as `revision_in`.
    """
    with contextlib.closing(connect_file(path)) as connection:
        return revision_in(connection)
