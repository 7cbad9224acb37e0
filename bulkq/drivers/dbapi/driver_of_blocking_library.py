"""A driver for a library with blocking calls that SQLAlchemy does not know: one class, from `connect` to errors.

bulkq gives each connection a thread, deadlines, batches in transactions, markers, streams, and retries by the states of errors. The
connection has the few methods of PEP 249 that `bulkq.drivers.dbapi.pep249` lists; a library that has others is wrapped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError

from bulkq.dialects.sqlstates import READ_ONLY
from bulkq.drivers.bind_parameters import as_text
from bulkq.drivers.dbapi.adapters.base import TABLE, Adapter
from bulkq.drivers.dbapi.adapters.parameters import NATIVE, style_of
from bulkq.drivers.dbapi.driver import SqlDriver
from bulkq.drivers.dbapi.parsed_url import ParsedUrl
from bulkq.drivers.dbapi.thread_or_greenlet import ThreadExecutor
from bulkq.errors import TargetError, UsageError
from bulkq.model import StatementClass
from bulkq.model.frozen_dataclass import mutable
from bulkq.text import urls
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from sqlalchemy.engine import URL, Dialect

    from bulkq.drivers.bind_parameters import Binding, Style
    from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, Probe, QueryDescription
    from bulkq.drivers.dbapi.blocking_session import SqlSession
    from bulkq.drivers.dbapi.pep249 import DbapiConnection
    from bulkq.model import Query, Server

NAMELESS = frozenset({"", ":memory:"})
"""What a URL has for a database in memory."""

SIMPLE: frozenset[type] = frozenset({int, float, str, bytes, bool, type(None)})


class Library(Adapter):
    """A database and its library, as one driver sees them. Every attribute and method has a default, except those named first.

    A database that is compatible with one that bulkq knows inherits from the adapter of that database, too:
    `class Turso(Library, SQLite)`.

    Attributes:
        product: the database, as the first line of a run names it.
        library: as errors name it.
        name: the SQL dialect, by a name of `bulkq.dialects`; "" if it is like none of them.
        module: the library, if it follows PEP 249: how it writes placeholders and whether it cancels are read from it.
        paramstyle: of placeholders, by PEP 249's name; "" for that of `module`, or `qmark`.
        natives: types of the values that the library binds; any other value is given as text. Empty for those that the databases
            of the dialect have.
        explain: what, before a statement, makes the database check it without executing it; "" for nothing.
        explains_writes: `explain` takes statements that change data too.
        states: what the words of an error mean: a part of the message in lower case, and the SQLSTATE. They outrank the
            attributes of the exception.
        temporary: makes the temporary table that row counts and rollbacks are tried with; "" if the database has none.
        options: names of the options of the URL that `connect` reads; any other is refused.
        trusted: the library counts changed rows rightly, and its cursors can be used again. What is not trusted is tried when a
            session opens, and each statement has a cursor of its own.
    """

    product = ""
    library = ""
    module: ModuleType | None = None
    paramstyle = ""
    natives: frozenset[type] = frozenset()
    explain = ""
    explains_writes = True
    states: Mapping[str, str] = MappingProxyType({})
    temporary = f"CREATE TEMPORARY TABLE {TABLE} (a integer)"
    options: frozenset[str] = frozenset()
    trusted = False

    def __init__(self) -> None:
        self.paramstyle = self.paramstyle or getattr(self.module, "paramstyle", "qmark")
        dialect = DefaultDialect(paramstyle=self.paramstyle)  # type: ignore[arg-type] # PEP 249's names
        dialect.name, dialect.driver = self.product, self.library
        self.tried = frozenset({self.library} if self.trusted else ())
        super().__init__(dialect)
        self.natives = self.natives or (SIMPLE if self.facts.dynamic_types else NATIVE)

    @classmethod
    def open(cls, url: str, *, application_name: str, read_only: bool) -> LibraryDriver:
        """The driver of this library for `url`.

        Raises:
            UsageError: the URL cannot be read.
        """
        return LibraryDriver(cls(), url, application_name=application_name, read_only=read_only)

    def check_url(self, url: URL, shown: str) -> None:
        """Refuse a URL that `connect` would understand only in part, before anything is connected.

        Args:
            url: of the target.
            shown: the same for a message, without its password.

        Raises:
            UsageError: an option that is none of `options`.
        """
        unknown = next((name for name in url.query if name not in self.options), None)
        if unknown is not None:
            raise UsageError(f'target "{shown}": {self.library} has no option "{unknown}": remove it')

    def url(self, url: URL, *, read_only: bool) -> URL:
        """What `connect` is given. The file or folder of a database in the process has to be there: a library would make one.

        Raises:
            TargetError: there is no such database.
        """
        path = url.database or ""
        if self.in_process and not url.host and path not in NAMELESS and not Path(path).exists():
            raise TargetError(f'no such file "{escape_unprintable(path)}"')
        return super().url(url, read_only=read_only)

    def connect(self, url: URL, *, application_name: str, read_only: bool) -> DbapiConnection:
        """Open a connection, in the thread that will use it.

        Raises:
            TargetError: what is wrong, in one line.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no connect(url, *, application_name, read_only): write it"
        )

    def style(self, *, typed: bool) -> Style:  # noqa: ARG002
        """How the library takes placeholders and values."""
        style = style_of(self.paramstyle, self.bindable, self.cast, text=self.text_parameters)
        return replace(style, natives=self.natives)

    def bindable(self, value: object) -> object:
        """`value` as the library binds it."""
        return value if type(value) in self.natives else as_text(value)

    def trouble(self, error: Exception) -> ErrorDescription:
        """What an error means, by `states` or by the attributes of the exception."""
        known = super().trouble(error)
        words = known.message.lower()
        state = next((state for said, state in self.states.items() if said in words), known.sqlstate)
        return replace(known, sqlstate=state)

    def is_idle(self, trouble: ErrorDescription) -> bool:
        """Whether a ROLLBACK failed because there was nothing to undo, in the words that most databases have for it."""
        return "no transaction" in trouble.message.lower()

    def probe(self, text: str) -> tuple[str, int]:
        """`text` behind `explain`."""
        before = f"{self.explain} " if self.explain else ""
        return before + text, len(before)

    def describe(self, asking: Probe, query: Query, binding: Binding) -> QueryDescription:
        """Have the database check the statement, if it can."""
        explained = {StatementClass.READ, StatementClass.WRITE} if self.explains_writes else {StatementClass.READ}
        if self.explain and query.statement in explained:
            values = () if binding.bare else (binding.nulls,)
            try:
                asking.cursor.execute(self.probe(binding.sample)[0], *values)
            except Exception as error:
                # Sessions are read-only here, and some databases then refuse to explain a write.
                if query.statement is StatementClass.READ or self.trouble(error).sqlstate != READ_ONLY:
                    raise
        return super().describe(asking, query, binding)


class LibraryDriver(SqlDriver):
    """One target of a `Library`. Holds no connection.

    Args:
        library: that connects.
        url: of the target.
        application_name: as the server's lists of sessions show us.
        read_only: sessions that cannot write.

    Raises:
        UsageError: the URL cannot be read.
    """

    def __init__(self, library: Library, url: str, *, application_name: str, read_only: bool) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise UsageError(
                f'target "{urls.hide_passwords(url)}" cannot be read: write {urls.parse_scheme(url)}://user@host/database'
            ) from None
        library.check_url(parsed, urls.hide_passwords(url))
        known = ParsedUrl(
            url, parsed, library.dialect, is_async=False, adapter=library, module=library.module or library
        )
        super().__init__(known, application_name=application_name, read_only=read_only)
        self._library = library

    def _executor(self, *, read_only: bool) -> ThreadExecutor:
        library = self._library
        url = library.url(self._known.url, read_only=read_only)

        def connect() -> _LibraryConnection:
            connection = library.connect(url, application_name=self._application_name, read_only=read_only)
            return _LibraryConnection(connection, connection)

        return ThreadExecutor(connect, library.dialect, canceller=library.canceller)

    def _looked(self, session: SqlSession, connection: DbapiConnection, dialect: Dialect) -> Server:
        """The server, with the database of the URL if `Library.look` names none: two databases are told apart by it."""
        server = super()._looked(session, connection, dialect)
        return replace(server, database=server.database or self._known.url.database or "")


@mutable
class _LibraryConnection:
    """A connection with SQLAlchemy's names for it."""

    dbapi_connection: Any
    driver_connection: Any

    def close(self) -> None:
        """End it."""
        self.dbapi_connection.close()
