"""What a statement may not do in SQLite, and what SQLite's refusals mean."""

from __future__ import annotations

import os
import re
import sqlite3
from typing import TYPE_CHECKING

from bulkq.errors import TargetError
from bulkq.policy.advice import TRANSACTION_OFF
from bulkq.text.characters import printable
from bulkq.text.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HARMLESS_PRAGMAS = frozenset(
    {
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
"""Pragmas whose argument is a question. Every other argument is a change. https://sqlite.org/pragma.html"""

ACTING_PRAGMAS = frozenset({"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"})
"""Pragmas that act without an argument."""

WAL_FORMAT = b"\x02"
_CULPRIT = re.compile(
    r'^near "(?P<near>.+)": syntax error$'
    r'|^unrecognized token: "(?P<token>.+)"$'
    r"|^(?:no such|ambiguous) (?:column|table|function|collation sequence|index)(?: name)?: (?P<name>.+)$"
    r"|^table .+ has no column named (?P<column>.+)$"
    r"|^wrong number of arguments to function (?P<function>[^(]+)",
    re.DOTALL,
)


def refusal(action: int, first: str | None, second: str | None, *, reading: bool, verb: str) -> str:
    """Why a statement that begins with `verb` may not do what SQLite's authorizer asks about; "" where it may.

    Args:
        action: one of SQLite's action codes, https://sqlite.org/c3ref/c_alter_table.html
        first: what is acted on, such as the name of a pragma.
        second: the argument of a pragma.
        reading: the run is read-only.
        verb: the statement's first keyword.
    """
    if verb == "VACUUM" and not reading:
        return ""  # attaches a new file and opens transactions of its own
    if action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}:
        return "a run works on one database file: ATTACH and VACUUM INTO are refused"
    if action in {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}:
        return "transactions are opened and ended by bulkq, one per batch"
    if action == sqlite3.SQLITE_PRAGMA and reading:
        name = (first or "").lower()
        if name in ACTING_PRAGMAS or (second is not None and name not in HARMLESS_PRAGMAS):
            return f"PRAGMA {name} changes something, and the run is read-only"
    return ""


def must_be_usable(path: Path, *, write: bool) -> None:
    """Find out with the file system what SQLite would only call "unable to open database file".

    Raises:
        TargetError: nothing there, not a file, or no permission.
    """
    shown = printable(str(path))
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
    beside = [
        path.with_name(f"{path.name}{end}") for end in (("-wal", "-shm") if _in_wal_mode(path) else ("-journal",))
    ]
    return all(os.access(file, os.W_OK) for file in beside)


def why_not_open(path: Path, error: Exception, waited_s: float) -> str:
    """Why SQLite did not open the file at `path`, with the next step."""
    shown = printable(str(path))
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


def culprit(message: str, text: str) -> int | None:
    """Where in `text` the word stands that SQLite's `message` complains about; None where that is not certain.

    SQLite knows the place (`sqlite3_error_offset`), but Python does not give it.
    """
    if message == "incomplete input":
        return len(text)
    found = _CULPRIT.match(message)
    if found is None:
        return None
    whole = next(group for group in found.groups() if group)
    for word in (whole, whole.rpartition(".")[2]):
        places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
        if len(places) == 1:
            return places[0]
    return None


def next_step(message: str) -> str | None:
    """What to do about `message` of SQLite or Python, where that is known."""
    if re.search(r"\b(?:within|inside) a transaction", message):
        return TRANSACTION_OFF
    column = re.match(r"Could not decode to UTF-8 column '(.*)' with text", message, re.DOTALL)
    return f'cast("{column[1]}" as blob) gives its bytes' if column else None


def nearest_hint(name: str, known: Iterable[str]) -> str | None:
    """A hint with the known name that is most like `name`."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else None


def _in_wal_mode(path: Path) -> bool:
    """Whether the file's header says so, see https://sqlite.org/fileformat2.html#file_format_version_numbers ."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == WAL_FORMAT * 2
    except OSError:
        return False
