"""Create or replace a ledger file atomically: build it under another name, then link or rename it into place.

A kill at any moment leaves the old file or the new one. The process that creates or replaces the file holds its lock, see
`bulkq.ledger.file_lock_and_revision`.

Everything here blocks, so it runs in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

from bulkq.errors import LedgerError
from bulkq.ledger.explain_errors import in_one_line
from bulkq.ledger.file_lock_and_revision import Lock, connect_file, path_of, read_revision, refuse_empty_file
from bulkq.ledger.location import LedgerMissing
from bulkq.ledger.revision_constants import APPLICATION_ID, HEAD
from bulkq.ledger.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from bulkq.ledger.location import LedgerLocation

UNSUPPORTED = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}

VERSION_TABLE = (
    "CREATE TABLE {schema}alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic makes it."""


def prepare_file(place: LedgerLocation, *, create: bool) -> Lock:
    """See that there is a file at `place` and share its lock.

    Raises:
        LedgerMissing: there is none, and `create` is False.
        LedgerError: it cannot be created, or is not a file.
    """
    path = path_of(place)
    with in_one_line(place):
        if not create and not path.exists():
            raise LedgerMissing(f'no ledger "{place.shown}": the first run creates it')
        _folder(path.parent, place)
        lock = Lock(path)
        try:
            if not path.exists():
                _create(path, lock)
            refuse_empty_file(place)
        except BaseException:
            lock.close()
            raise
        return lock


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
            _remove_leftovers(path)
            with _under_another_name(path) as copy:
                _backup(path, copy)
                with _connect(copy) as connection:
                    migrate(connection)
                _finish(copy)
                copy.chmod(path.stat().st_mode & 0o777)
                _refuse_open_log(path, place)
                copy.replace(path)
                _sync_folder(path.parent)
        finally:
            lock.share()


def make_tables(connection: Connection, schema: str = "") -> None:
    """Everything a new ledger has, without Alembic, which takes longer to import than this takes; a test holds them equal."""
    metadata.create_all(connection, checkfirst=False)
    prefix = f"{schema}." if schema else ""
    connection.execute(text(VERSION_TABLE.format(schema=prefix)))
    connection.execute(text(f"INSERT INTO {prefix}alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


def _create(path: Path, lock: Lock) -> None:
    """Build a new ledger and link it into place, unless another process has created one."""
    lock.alone(path.exists)
    if lock.exclusive:
        _remove_leftovers(path)
    try:
        if path.exists():
            return
        with _under_another_name(path) as built:
            with _connect(built) as connection:
                make_tables(connection)
            _finish(built)
            _link(built, path, alone=lock.exclusive)
            _sync_folder(path.parent)
    finally:
        lock.share()


def _link(built: Path, path: Path, *, alone: bool) -> None:
    """Give `built` its name without ever taking it from another file."""
    try:
        path.hardlink_to(built)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in UNSUPPORTED or not alone:
            raise
        built.rename(path)  # a file system without links: the lock keeps others away


@contextlib.contextmanager
def _under_another_name(path: Path) -> Iterator[Path]:
    """An empty file that only its owner may read, removed at the end if it still has this name."""
    other = path.with_name(f"{path.name}.new-{secrets.token_hex(6)}")
    os.close(os.open(other, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield other
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            other.with_name(other.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[Connection]:
    """A connection to a file that no other process knows. It is not synced; `_finish` does that once."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.commit()
            with connection.begin():
                yield connection
    finally:
        engine.dispose()


def _finish(path: Path) -> None:
    """Mark it as ours, set its journal mode, which is kept in the file, and make it durable."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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


def _remove_leftovers(path: Path) -> None:
    """Remove files of processes that were killed while building; the exclusive lock excludes builders."""
    for left in path.parent.glob(f"{_literal(path.name)}.new-*"):
        left.unlink(missing_ok=True)


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _folder(folder: Path, place: LedgerLocation) -> None:
    if folder.is_dir():
        return
    if not place.auto:
        raise LedgerError(f'no folder "{folder}" for the ledger "{place.shown}": create it first')
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            with contextlib.suppress(FileExistsError):
                each.mkdir(mode=0o700)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
