"""Whether a database file can be read and written, and why SQLite did not open it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.errors import TargetError
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from pathlib import Path

WAL_FORMAT = b"\x02"
WAL_FILES, JOURNAL = ("-wal", "-shm"), ("-journal",)
"""Ends of the names of the files that a transaction needs beside the database, in WAL mode and in the others."""


def must_be_usable(path: Path, *, write: bool) -> None:
    """Find out with the file system what SQLite would only call "unable to open database file".

    Raises:
        TargetError: nothing there, not a file, or no permission.
    """
    shown = escape_unprintable(str(path))
    try:
        mode = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise TargetError(f'no such file "{shown}"') from None
    except OSError as error:
        raise TargetError(f'cannot open "{shown}": {(error.strerror or str(error)).lower()}') from None
    if path.is_dir():
        raise TargetError(f'"{shown}" is a directory, not a database')
    if not path.is_file():
        raise TargetError(f'"{shown}" is not a regular file (mode {mode.st_mode:o})')
    if not os.access(path, os.R_OK):
        raise TargetError(f'cannot read "{shown}": permission denied')
    if write and not os.access(path, os.W_OK):
        raise TargetError(f'cannot write "{shown}": permission denied')
    if write and not _can_keep_a_journal(path):
        raise TargetError(
            f'cannot write "{shown}": SQLite keeps a journal beside it, and nothing can be made in its folder'
        )


def _can_keep_a_journal(path: Path) -> bool:
    """Whether the files that a transaction needs can be made, or are there already."""
    if os.access(path.parent, os.W_OK | os.X_OK):
        return True
    # The file itself is not opened to see its mode: closing it would drop the locks that this process has on it,
    # see https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_ .
    return any(
        all(os.access(path.with_name(f"{path.name}{end}"), os.W_OK) for end in ends) for ends in (WAL_FILES, JOURNAL)
    )


def why_not_open(path: Path, error: Exception, waited_s: float) -> str:
    """Why SQLite did not open the file at `path`, with the next step."""
    shown = escape_unprintable(str(path))
    state = getattr(error, "sqlite_errorname", None) or ""
    if state.startswith("SQLITE_NOTADB"):
        return f'"{shown}" is not an SQLite database, or it is encrypted'
    if state.startswith("SQLITE_BUSY"):
        return f'"{shown}" is locked by another process (waited {waited_s:g}s)'
    if state.startswith("SQLITE_CORRUPT"):
        return f'"{shown}" is damaged: {error} (sqlite3 "{shown}" .recover saves what can be saved)'
    if state.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        if _in_wal_mode(path):
            return (
                f'"{shown}" is in WAL mode, and "{path.name}-shm" cannot be made beside it: '
                f'get permission to write in "{path.parent}", or read a copy of the file'
            )
        if path.with_name(f"{path.name}-journal").exists():
            return (
                f'"{shown}" was left by a writer that died, and "{path.name}-journal" must be rolled back first: '
                "open it once with permission to write"
            )
    return f'cannot open "{shown}": {error}'


def _in_wal_mode(path: Path) -> bool:
    """Whether the file's header says so, see https://sqlite.org/fileformat2.html#file_format_version_numbers ."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == WAL_FORMAT * 2
    except OSError:
        return False
