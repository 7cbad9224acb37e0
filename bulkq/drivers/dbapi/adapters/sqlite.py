"""SQLite through a library that is not Python's own: pyturso, libSQL, ADBC, SQLCipher. The file, the locks and the words are SQLite's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.dialects import pragmas
from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, Refusal
from bulkq.drivers.dbapi.adapters.base import TABLE, Adapter
from bulkq.drivers.sqlite import file_access
from bulkq.errors import TargetError
from bulkq.model import Server, StatementClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL, Dialect

    from bulkq.drivers.dbapi.adapter_return_types import Ask
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Limits, Query

STATES = (
    ("interrupted", "57014"),
    ("operation cancelled", "57014"),
    ("database is locked", "55P03"),
    ("database table is locked", "55P03"),
    ("readonly database", "25006"),
    ("query_only mode", "25006"),
    ("constraint failed", "SQLITE_CONSTRAINT"),
    ("database or disk is full", "SQLITE_FULL"),
    ("not a database", "SQLITE_NOTADB"),
    ("disk image is malformed", "SQLITE_CORRUPT"),
    ("no such ", "SQLITE_ERROR"),
    ("syntax error", "SQLITE_ERROR"),
)
"""SQLite's words, which all these libraries keep, and what they mean to `policy.retry`."""

NO_FILE = ("", ":memory:")
BUSY_MS = 1_500
"""SQLite waits this long for a lock by itself, where the library lets it: no longer than a cancelled statement may take to end."""

FILE_VERBS = frozenset({"ATTACH", "DETACH"})
COLUMNS = "SELECT p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type IN ('table', 'view')"


class SQLite(Adapter):
    """SQLite, or a database that answers as it does."""

    name = "sqlite"
    says_begin = True
    nothing = "SELECT 1"
    in_process = True
    concurrent_writes = False
    optimistic = True
    temporary = f"CREATE TEMP TABLE {TABLE} (a integer)"

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._path: Path | None = None
        self._asks_changes = False

    def url(self, url: URL, *, read_only: bool) -> URL:
        """The file has to be there: these libraries would make one. A host is a server of libSQL's."""
        database = url.database or ""
        if url.host or database.startswith("file:"):
            return url
        if database in NO_FILE:
            raise TargetError(
                "the URL names no file, and a database in memory would be empty: write the path of a file"
            )
        self._path = Path(database)
        file_access.must_be_usable(self._path, write=not read_only)
        return url

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:
        """Its version, and whether the file can be read at all: a wrong key shows only then."""
        with suppress(Exception):  # the library knows no such thing, and begins nothing that ROLLBACK does not end
            self.dialect.set_isolation_level(connection, "AUTOCOMMIT")  # type: ignore[arg-type]
        with suppress(Exception):  # nothing is open
            ask("ROLLBACK")
        ((version,),) = ask("SELECT sqlite_version()")
        ask("SELECT count(*) FROM sqlite_master")
        numbers = [int(part) for part in str(version).split(".")[:3] if part.isdigit()]
        number = sum(part * 10 ** (6 - 3 * i) for i, part in enumerate(numbers))
        return Server("sqlite", str(version), number, database=str(self._path or ""))

    def opening(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """A write takes the only lock at once, a read its own: then no statement of the batch waits for one."""
        begin = ("BEGIN", "SELECT 1 FROM sqlite_master LIMIT 1") if limits.read_only else ("BEGIN IMMEDIATE",)
        return (*_session(limits), *begin)

    def alone(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """The settings of a transaction: those of the last one hold until they are changed."""
        return _session(limits)

    def broken_off(self, connection: DbapiConnection) -> bool:
        """Most of these libraries know."""
        return getattr(connection, "in_transaction", None) is False

    def counted(self, cursor: DbapiCursor) -> int:
        """What the library says, or SQLite itself."""
        if not self._asks_changes:
            return cursor.rowcount
        cursor.execute("SELECT changes()")
        return int(str(cursor.fetchmany(1)[0][0]))

    def counts_otherwise(self) -> bool:
        """`changes()` counts as well."""
        self._asks_changes = not self._asks_changes
        return self._asks_changes

    def refusal(self, query: Query, text: str, connection: DbapiConnection, *, reading: bool) -> Refusal | None:
        """As the drivers of Python's own library refuse."""
        if query.verb in FILE_VERBS or (query.verb == "VACUUM" and "INTO" in text.upper().split()):
            return Refusal("a run works on one database file: ATTACH and VACUUM INTO are refused", "25006")
        if not reading and query.transaction and pragmas.CHECKPOINT.match(text):
            return Refusal("wal_checkpoint cannot run inside a transaction", "25001")
        if reading and query.statement is not StatementClass.READ:
            return Refusal(f"{query.verb} may change data", "25006")
        return super().refusal(query, text, connection, reading=reading)

    def names(self, ask: Ask, connection: DbapiConnection) -> set[str]:  # noqa: ARG002
        """Tables, views, indexes and, where the library can list them, columns."""
        known = {"sqlite_master", "sqlite_schema", "main"} | {
            str(row[0]) for row in ask("SELECT name FROM sqlite_master")
        }
        with suppress(Exception):  # a library without functions that give tables
            known |= {str(row[0]) for row in ask(COLUMNS)}
        return known

    def trouble(self, error: Exception) -> ErrorDescription:
        """By SQLite's words: of these libraries only some keep its number."""
        known = super().trouble(error)
        words = known.message.lower()
        state = next((state for said, state in STATES if said in words), known.sqlstate)
        return ErrorDescription(known.message, state, known.lost)

    def is_idle(self, trouble: ErrorDescription) -> bool:
        """Turso undoes a transaction at every error of a statement, SQLite at some."""
        return "no transaction is active" in trouble.message

    def why_not(self, error: Exception, where: str) -> str:
        """The file, and what is wrong with it."""
        shown = f'"{self._path}"' if self._path is not None else where
        state = self.trouble(error).sqlstate
        if state == "SQLITE_NOTADB":
            return f"{shown} is not an SQLite database, or it is encrypted and the key is wrong"
        if state == "55P03":
            return f"{shown} is locked by another process"
        return super().why_not(error, shown)


def _session(limits: Limits) -> tuple[str, ...]:
    """How long the session waits for a lock, and whether it may write."""
    wait_ms = BUSY_MS if limits.lock_timeout_s is None else min(BUSY_MS, int(limits.lock_timeout_s * 1000))
    return f"PRAGMA busy_timeout = {wait_ms}", f"PRAGMA query_only = {int(limits.read_only)}"
