"""Create a ledger file atomically, without SQLAlchemy: build it under another name, then link it into place.

A kill at any moment leaves no file or a whole one. The process that creates the file holds its lock, see
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

from bulkq.errors import LedgerError
from bulkq.ledger.explain_errors import in_one_line
from bulkq.ledger.file_lock_and_revision import Lock, path_of, refuse_empty_file
from bulkq.ledger.location import LedgerMissing
from bulkq.ledger.revision_constants import APPLICATION_ID, HEAD
from bulkq.ledger.sqlite3_tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkq.ledger.location import LedgerLocation

UNSUPPORTED = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


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


def make_tables(path: Path) -> None:
    """Make all that a new ledger has, in a file that no other process knows. It is not synced; `finish` does that once."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", [HEAD])
        connection.execute("COMMIT")


def _create(path: Path, lock: Lock) -> None:
    """Build a new ledger and link it into place, unless another process has created one."""
    lock.alone(path.exists)
    if lock.exclusive:
        remove_leftovers(path)
    try:
        if path.exists():
            return
        with under_another_name(path) as built:
            make_tables(built)
            finish(built)
            _link(built, path, alone=lock.exclusive)
            sync_folder(path.parent)
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
def under_another_name(path: Path) -> Iterator[Path]:
    """An empty file that only its owner may read, removed at the end if it still has this name."""
    other = path.with_name(f"{path.name}.new-{secrets.token_hex(6)}")
    os.close(os.open(other, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield other
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            other.with_name(other.name + suffix).unlink(missing_ok=True)


def finish(path: Path) -> None:
    """Mark it as ours, set its journal mode, which is kept in the file, and make it durable."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_leftovers(path: Path) -> None:
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


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, if its file system can."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
