"""DuckDB files without SQLAlchemy, whose import takes longer than fifty thousand lookups.

A URL with anything but a path and `access_mode` goes through SQLAlchemy's dialect, which knows more options.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import duckdb

from bulkq.drivers import dbapi
from bulkq.drivers.dbapi.adapters.duckdb import DuckDB
from bulkq.drivers.dbapi.driver import SqlDriver
from bulkq.drivers.dbapi.parsed_url import ParsedUrl
from bulkq.drivers.dbapi.thread_or_greenlet import ThreadExecutor
from bulkq.errors import MissingDriver
from bulkq.text import urls
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import URL, Dialect

FILE = compile_late(
    r"\s*duckdb:///(?P<path>/?[^:?#%]+)(?:\?access_mode=(?P<mode>read_only|read_write))?", re.IGNORECASE
)
"""A URL of a file, relative or from the root."""


def open(url: str, *, application_name: str, read_only: bool) -> SqlDriver:  # noqa: A001 - every driver module has `open`
    """The driver for `url`; nothing is connected yet.

    Raises:
        UsageError: the URL cannot be understood.
        MissingDriver: the URL is not that of a file alone, and SQLAlchemy's dialect is not installed.
    """
    found = FILE.fullmatch(url)
    if found is None:
        return _through_sqlalchemy(url, application_name=application_name, read_only=read_only)
    options = {"access_mode": found["mode"].lower()} if found["mode"] else {}
    return DuckDBDriver(url, FileUrl(found["path"], options), application_name=application_name, read_only=read_only)


def _through_sqlalchemy(url: str, *, application_name: str, read_only: bool) -> SqlDriver:
    from bulkq.drivers.dbapi import sqlalchemy_urls

    if sqlalchemy_urls.name_of(url) is None:
        raise MissingDriver(
            f'"{urls.hide_passwords(url)}" needs the package "duckdb_engine": {sqlalchemy_urls.install("duckdb_engine")}'
        )
    return dbapi.open(url, application_name=application_name, read_only=read_only)


@dataclass(frozen=True, slots=True)
class FileUrl:
    """The part of SQLAlchemy's URL that is asked of one without a host."""

    host: ClassVar[None] = None
    database: str
    query: Mapping[str, str] = field(default_factory=dict)

    def update_query_dict(self, more: Mapping[str, str]) -> FileUrl:
        """The same URL with `more` options."""
        return replace(self, query={**self.query, **more})


class LibraryDialect:
    """The part of SQLAlchemy's dialect that is asked of one whose connections it does not open."""

    name = driver = "duckdb"
    paramstyle = "numeric_dollar"
    is_async = False


class DuckDBDriver(SqlDriver):
    """One file of DuckDB. Holds no connection.

    Args:
        text: the URL.
        url: its parts.
        application_name: has no effect: DuckDB has no list of sessions.
        read_only: sessions that cannot write.
    """

    def __init__(self, text: str, url: FileUrl, *, application_name: str, read_only: bool) -> None:
        dialect = cast("Dialect", LibraryDialect())
        known = ParsedUrl(text, cast("URL", url), dialect, is_async=False, adapter=DuckDB(dialect), module=duckdb)
        super().__init__(known, application_name=application_name, read_only=read_only)

    def _executor(self, *, read_only: bool) -> ThreadExecutor:
        known = self._known
        url = known.adapter.url(known.url, read_only=read_only)
        connect = partial(
            _FileConnection, str(url.database), {str(name): str(value) for name, value in url.query.items()}
        )
        return ThreadExecutor(connect, known.dialect, canceller=known.adapter.canceller)


def _connect(path: str, options: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Open a file as the process has it open, or would open it.

    All connections of a process to one file have one configuration, and SQLAlchemy's dialect puts its name into that.
    """
    engine = sys.modules.get("duckdb_engine")
    if engine is None:
        return duckdb.connect(path, config=dict(options))
    agent = f"duckdb_engine/{engine.__version__}(sqlalchemy/{engine.sqlalchemy_version})"
    try:
        return duckdb.connect(path, config={**options, "custom_user_agent": agent})
    except duckdb.ConnectionException:
        return duckdb.connect(path, config=dict(options))


class _FileConnection:
    """A connection as SQLAlchemy would give it, and as PEP 249 describes it: its cursors are in one transaction.

    Cursors of the library are sessions of their own.
    """

    def __init__(self, path: str, options: Mapping[str, str]) -> None:
        self.driver_connection = _connect(path, options)
        self.dbapi_connection = self
        self.extract_statements = self.driver_connection.extract_statements
        self.commit = self.driver_connection.commit
        self.rollback = self.driver_connection.rollback
        self.close = self.driver_connection.close

    def cursor(self) -> _FileCursor:
        """A cursor of this session; of all of them, the last one that executed something has its rows."""
        return _FileCursor(self.driver_connection)


class _FileCursor:
    """A cursor of the session of a connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.execute = connection.execute
        self.fetchmany = connection.fetchmany

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Of each result column its name and type."""
        return self._connection.description

    @property
    def rowcount(self) -> int:
        """Number of rows that the last statement changed; -1 if unknown."""
        return self._connection.rowcount

    def close(self) -> None:
        """Nothing: the session goes on."""
