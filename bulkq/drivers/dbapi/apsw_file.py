"""SQLite files through APSW, which brings an SQLite of its own, and encrypted ones through `apsw-sqlite3mc`.

Files, transactions and errors are SQLite's, as `adapters.sqlite` knows them. APSW has neither `fetchmany` nor `rowcount`, and forgets the
columns of a result that is read to its end: https://rogerbinns.github.io/apsw/dbapi.html .
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import apsw

from bulkq.drivers.dbapi.adapters.sqlite import SQLite
from bulkq.drivers.dbapi.driver_of_blocking_library import Library
from bulkq.drivers.sqlite.bind_parameters import STYLE
from bulkq.drivers.sqlite.error_place_and_advice import next_step
from bulkq.drivers.sqlite.url_options import SqliteOptions, options_of
from bulkq.errors import MissingDriver, TargetError, UsageError
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL

    from bulkq.drivers.bind_parameters import Style
    from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription
    from bulkq.drivers.dbapi.driver_of_blocking_library import LibraryDriver

CIPHER = ("cipher", "legacy", "kdf_iter", "legacy_page_size")
"""Options that say how a file is encrypted; `PRAGMA key` comes after them. https://utelle.github.io/SQLite3MultipleCiphers/"""

CIPHER_VALUE = compile_late(r"[a-z0-9]+")


def open(url: str, *, application_name: str, read_only: bool) -> LibraryDriver:  # noqa: A001 - every driver module has `open`
    """The driver for the file that `url` names; nothing is opened yet.

    Raises:
        UsageError: the URL cannot be understood.
        MissingDriver: it has a key, and this APSW cannot decrypt.
    """
    return Apsw.open(url, application_name=application_name, read_only=read_only)


class ApswCursor:
    """A cursor of PEP 249.

    Args:
        connection: APSW's.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.description: Sequence[Sequence[Any]] | None = None
        self._connection = connection
        self._cursor = connection.cursor()
        self._cursor.exec_trace = self._see
        self._reads = True
        self._changed_before = 0

    def execute(self, statement: str, values: Sequence[Any] | None = None) -> None:
        """Execute it up to its first row."""
        self.description, self._reads = None, True
        self._changed_before = self._connection.total_changes()
        try:
            self._cursor.execute(statement, values)
        except apsw.Error as error:
            error.error_offset = _characters(  # type: ignore[attr-defined] # APSW's stub has it nowhere
                statement, getattr(error, "error_offset", -1)
            )
            raise

    def _see(self, cursor: apsw.Cursor, statement: str, values: object) -> bool:  # noqa: ARG002 - APSW calls it
        """Keep what APSW knows until the last row has been read."""
        self.description = cursor.get_description() or None
        self._reads = cursor.is_readonly
        return True

    @property
    def rowcount(self) -> int:
        """Number of rows that the last statement changed, once its rows were read; -1 for a read.

        `changes()` alone would be that of an earlier statement if this one is not INSERT, UPDATE or DELETE.
        """
        if self._reads:
            return -1
        return 0 if self._connection.total_changes() == self._changed_before else self._connection.changes()

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """The next rows, at most `size`."""
        return list(islice(self._cursor, size))

    def close(self) -> None:
        """Forget the rest."""
        self._cursor.close(force=True)


class ApswConnection:
    """A connection of PEP 249 that opens no transaction by itself.

    Args:
        file: URI of the file.
        flags: how SQLite opens it.
        pragmas: statements before all others, the key among them.
    """

    def __init__(self, file: str, flags: int, pragmas: Sequence[str] = ()) -> None:
        self._connection = apsw.Connection(file, flags=flags | apsw.SQLITE_OPEN_URI)
        self.interrupt = self._connection.interrupt
        try:
            for pragma in pragmas:
                self._connection.execute(pragma).fetchall()
        except BaseException:
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        return self._connection.in_transaction

    def cursor(self) -> ApswCursor:
        """A new cursor."""
        return ApswCursor(self._connection)

    def commit(self) -> None:
        """Make an open transaction last."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo an open transaction."""
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        if self.in_transaction:
            self._connection.execute(statement)

    def close(self) -> None:
        """End the session."""
        self._connection.close(force=True)


class Apsw(Library, SQLite):
    """SQLite through APSW."""

    product = name = "sqlite"
    library = "apsw"
    paramstyle = "qmark"
    explain = "EXPLAIN"
    cancels = trusted = True

    def __init__(self) -> None:
        super().__init__()
        self._options = SqliteOptions()
        self._encryption: tuple[str, ...] = ()

    def check_url(self, url: URL, shown: str) -> None:
        """Read the options, which are those of the other SQLite drivers and how the file is encrypted.

        Raises:
            UsageError: no file, an unknown option, or a value that it does not take.
            MissingDriver: the file is encrypted, and this APSW cannot decrypt.
        """
        if url.host or url.username:
            raise UsageError(
                f'"{shown}": write sqlite+apsw:///FILE for a file in this folder, or sqlite+apsw://:KEY@/FILE'
            )
        given = {name: str(value) for name, value in url.query.items()}
        encryption = [f"PRAGMA {name} = '{_cipher(shown, name, given.pop(name))}'" for name in CIPHER if name in given]
        self._options = options_of(shown, urlencode(given))
        if url.password is not None:
            if not hasattr(apsw, "mc_version"):
                # APSW without ciphers would ignore the key, and write a file that is not encrypted.
                raise MissingDriver(
                    "the package apsw cannot open encrypted files: pip uninstall apsw, then pip install apsw-sqlite3mc"
                )
            key = str(url.password).replace("'", "''")
            encryption.append(f"PRAGMA key = '{key}'")
        self._encryption = tuple(encryption)

    def connect(self, url: URL, *, application_name: str, read_only: bool) -> ApswConnection:  # noqa: ARG002
        """Open the file.

        Raises:
            TargetError: the URL opens it for reading, and the run writes; or says how it is encrypted, and there is no key.
        """
        if self._encryption and url.password is None:  # one that is looked up is in the URL by now
            raise TargetError(f'"{url.database}" needs a key: write sqlite+apsw://:KEY@/FILE')
        option = self._options.reading
        if option and not read_only:
            raise TargetError(
                f'"{url.database}" is opened with {option}, and the run writes: remove {option} from the URL'
            )
        file = Path(url.database or "").absolute().as_uri()
        return ApswConnection(
            f"{file}?immutable=1" if self._options.immutable else file,
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE,
            (*self._encryption, *self._options.pragmas),
        )

    def style(self, *, typed: bool) -> Style:  # noqa: ARG002
        """Values as the other SQLite drivers send them."""
        return STYLE

    def trouble(self, error: Exception) -> ErrorDescription:
        """SQLite's name of the error, as the other SQLite drivers give it, where the adapter has no SQLSTATE for it."""
        known = super().trouble(error)
        if isinstance(error, UnicodeDecodeError):
            return replace(
                known, message="a text of the result is not valid UTF-8: cast(COLUMN as blob) gives its bytes"
            )
        at = getattr(error, "error_offset", -1)
        known = replace(known, hint=next_step(known.message), at=at if at >= 0 else None)
        if known.sqlstate is not None and not known.sqlstate.startswith("SQLITE_"):
            return known
        number = getattr(error, "extendedresult", 0)
        state = apsw.mapping_extended_result_codes.get(number) or apsw.mapping_result_codes.get(number)
        return replace(known, sqlstate=str(state) if number and state else known.sqlstate)


def _characters(statement: str, offset: int) -> int:
    """The place in `statement` of its byte `offset` in UTF-8; -1 if that is unknown."""
    return len(statement.encode()[:offset].decode(errors="ignore")) if offset >= 0 else -1


def _cipher(shown: str, name: str, value: str) -> str:
    """`value` of an option for the encryption.

    Raises:
        UsageError: it is neither a name nor a number.
    """
    if not CIPHER_VALUE.fullmatch(value):
        raise UsageError(f'"{shown}": {name} takes a name or a number, not "{value}"')
    return value
