"""Replace a ledger file of an older revision by an upgraded copy: built under another name, then renamed into place.

A kill at any moment leaves the old file or the new one. The process that replaces the file holds its lock alone, see
`bulkq.ledger.file_lock_and_revision`.

Everything here blocks, so it runs in a thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from bulkq.errors import LedgerError
from bulkq.ledger.explain_errors import in_one_line
from bulkq.ledger.file_create import finish, remove_leftovers, sync_folder, under_another_name
from bulkq.ledger.file_lock_and_revision import connect_file, path_of, read_revision
from bulkq.ledger.revision_constants import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from bulkq.ledger.file_lock_and_revision import Lock
    from bulkq.ledger.location import LedgerLocation


def upgrade_file(place: LedgerLocation, lock: Lock) -> None:
    """Replace the ledger by an upgraded copy, while no other process has it open.

    Raises:
        LedgerNewer: it was made by a newer version.
        LedgerError: another process uses it, or the copy cannot be made; the old one is as it was.
    """
    from bulkq.ledger.migrate import migrate, refuse_unknown

    path = path_of(place)
    with in_one_line(place):
        refuse_unknown(read_revision(path), place)
        lock.alone(lambda: read_revision(path) == HEAD)
        try:
            if read_revision(path) == HEAD:  # another process has upgraded it
                return
            _refuse_shared(lock, place)
            remove_leftovers(path)
            with under_another_name(path) as copy:
                _backup(path, copy)
                with _connect(copy) as connection:
                    migrate(connection)
                finish(copy)
                copy.chmod(path.stat().st_mode & 0o777)
                _refuse_open_log(path, place)
                copy.replace(path)
                sync_folder(path.parent)
        finally:
            lock.share()


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[Connection]:
    """A connection to a file that no other process knows. It is not synced; `finish` does that once."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.commit()
            with connection.begin():
                yield connection
    finally:
        engine.dispose()


def _backup(path: Path, copy: Path) -> None:
    with (
        contextlib.closing(connect_file(path)) as old,
        contextlib.closing(sqlite3.connect(copy)) as new,
    ):
        old.backup(new)
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _refuse_shared(lock: Lock, place: LedgerLocation) -> None:
    if not lock.exclusive:
        raise LedgerError(
            f'ledger "{place.shown}" must be upgraded, but another process uses it: try again when that process has ended'
        )


def _refuse_open_log(path: Path, place: LedgerLocation) -> None:
    """The last who closes a file removes its write-ahead log. One that stays would belong to the new file as well."""
    if path.with_name(path.name + "-wal").exists():
        raise LedgerError(
            f'ledger "{place.shown}" must be upgraded, but another program has it open: close that program first'
        )
