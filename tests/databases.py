"""A fresh database of every kind that drivers are tested on, and the drivers that talk to each. Called by contract tests.

What is done here goes around bulkq: through the libraries' own simplest means, in autocommit.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bulkq.drivers import open_driver
from tests.servers import postgres as servers

if TYPE_CHECKING:
    import pytest

    from bulkq.protocols import Connection
    from tests.servers.mariadb import MariaDB

SCHEMES = {
    "asyncpg": "postgresql",
    "aiosqlite": "sqlite",
    "pysqlite": "sqlite+pysqlite",
    "duckdb": "duckdb",
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
    "pymysql": "mysql+pymysql",
    "aiomysql": "mysql+aiomysql",
}
"""Drivers under test and the scheme of their URLs."""

KINDS = {
    "asyncpg": "postgresql",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "aiosqlite": "sqlite",
    "pysqlite": "sqlite",
    "duckdb": "duckdb",
    "pymysql": "mariadb",
    "aiomysql": "mariadb",
}


EMPTY = ("SET lock_timeout = '10s'", "DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public")
"""Far cheaper than a database per test."""


@dataclass(frozen=True)
class Database:
    """One empty database. `place` is a URL without its scheme, `kind` of postgresql, sqlite, duckdb, mariadb."""

    kind: str
    place: str
    path: str = ""
    server: MariaDB | None = None

    def url(self, scheme: str) -> str:
        """For a driver."""
        return f"{scheme}{self.place}"

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Execute statements one by one; the rows of the last."""
        if self.kind == "postgresql":
            return [tuple(row) for row in servers.execute(self.url("postgresql"), *statements)]
        if self.server is not None:
            return self.server.execute(self.path, *statements)
        return _in_file(self.kind, self.path, statements)


def _in_file(kind: str, path: str, statements: tuple[str, ...]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    connection: Any = sqlite3.connect(path, isolation_level=None) if kind == "sqlite" else _duckdb(path)
    try:
        for statement in statements:
            cursor = connection.cursor()
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
    return rows


def _duckdb(path: str) -> Any:
    """As the driver under test opens it: all connections of a process to one file must be configured alike."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    return create_engine(f"duckdb:///{quote(path)}", poolclass=NullPool).raw_connection()


def fresh(kind: str, request: pytest.FixtureRequest) -> Database:
    """An empty database of `kind`, gone when the test ends."""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        servers.execute(url, *EMPTY)
        return Database(kind, url.removeprefix("postgresql"))
    if kind == "mariadb":
        server, name = request.getfixturevalue("mariadb_database")
        return Database(kind, f"://root@{server.host}:{server.port}/{name}", name, server)
    path = request.getfixturevalue("tmp_path") / f"target.{kind}"
    database = Database(kind, f":///{quote(str(path))}", str(path))
    database.execute("select 1")
    if kind == "sqlite":
        path.touch()
    return database


async def connected(base: Database, driver: str) -> Connection:
    """A session that can write."""
    return await open_driver(base.url(SCHEMES[driver]), application_name="bulkq test", read_only=False).connect()
