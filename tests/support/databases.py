"""The one table of databases and drivers under test, and a fresh database of every kind.

A new driver is a line in `DRIVERS`; a new database is an entry of `KINDS` too. What is done here goes around bulkq: through the
libraries' own simplest means, in autocommit.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bulkq.drivers import open_driver
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import pytest

    from bulkq.protocols import Connection, Driver
    from tests.support.servers.mariadb import MariaDB


@dataclass(frozen=True)
class Kind:
    """A database.

    Attributes:
        dialect: as `bulkq.dialects` knows it.
        product: as `Server.product` names it.
        slow: a query of one integer parameter, `:n`, that takes far longer than a second.
        opens: opens the file of a path, or makes it, with the database's own library: a PEP 249 connection that commits each
            statement. None if the database is a server.
        blob: its type of bytes.
    """

    dialect: str
    product: str
    slow: str
    opens: Callable[[str], Any] | None = None
    blob: str = "blob"


def _sqlite(path: str) -> Any:
    return sqlite3.connect(path, isolation_level=None)


def _duckdb(path: str) -> Any:
    """As the driver under test opens it: all connections of a process to one file must be configured alike."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    return create_engine(f"duckdb:///{quote(path)}", poolclass=NullPool).raw_connection()


def _apsw(path: str) -> Any:
    """As the driver under test: two copies of SQLite in one process undo each other's locks.

    https://sqlite.org/howtocorrupt.html#multiple_copies_of_sqlite_linked_into_the_same_application
    """
    import apsw

    from bulkq.drivers.dbapi.apsw_file import ApswConnection

    return ApswConnection(Path(path).as_uri(), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)


SLOW_SQLITE = (
    "with recursive c(i) as (select 1 union all select i + 1 from c) select count(*) from c where i < 0 and i > :n"
)

KINDS = {
    "postgresql": Kind("postgres", "postgresql", "select pg_sleep(60), cast(:n as integer)", blob="bytea"),
    "sqlite": Kind("sqlite", "sqlite", SLOW_SQLITE, _sqlite),
    "apsw": Kind("sqlite", "sqlite", SLOW_SQLITE, _apsw),
    "duckdb": Kind(
        "duckdb",
        "duckdb",
        "select count(*) from range(1000000000000) as t(i) where hash(i) = 7 and i > cast(:n as integer)",
        _duckdb,
    ),
    "mariadb": Kind("mysql", "mariadb", "select sleep(60), cast(:n as integer)"),
}
"""Databases under test; `fresh` makes one. A new one that is a file needs an entry here and nothing else."""


@dataclass(frozen=True)
class Tested:
    """A driver under test.

    Attributes:
        scheme: of its URLs.
        kind: of `KINDS`.
        claims: whether the suite of markers runs over it; one driver for each way of doing so is enough.
    """

    scheme: str
    kind: str
    claims: bool = False


DRIVERS = {
    "asyncpg": Tested("postgresql", "postgresql", claims=True),
    "aiosqlite": Tested("sqlite", "sqlite", claims=True),
    "pysqlite": Tested("sqlite+pysqlite", "sqlite"),
    "apsw": Tested("sqlite+apsw", "apsw", claims=True),
    "duckdb": Tested("duckdb", "duckdb", claims=True),
    "psycopg": Tested("postgresql+psycopg", "postgresql", claims=True),
    "psycopg2": Tested("postgresql+psycopg2", "postgresql"),
    "pymysql": Tested("mysql+pymysql", "mariadb", claims=True),
    "aiomysql": Tested("mysql+aiomysql", "mariadb"),
    "short": Tested("short", "sqlite", claims=True),
    "example": Tested("example", "sqlite", claims=True),
}
"""Drivers under test. `short` and `example` are those of docs/drivers.md."""

if find_spec("MySQLdb") is not None:  # mysqlclient has no wheels for Linux: it is tested where it was built
    DRIVERS["mysqlclient"] = Tested("mysql+mysqldb", "mariadb", claims=True)

SCHEMES = {name: driver.scheme for name, driver in DRIVERS.items()}

PAGE = Path(__file__).parents[2] / "docs" / "drivers.md"


def examples() -> list[str]:
    """The example drivers of docs/drivers.md, as they stand there."""
    return [block.partition("```")[0] for block in PAGE.read_text().split("```python\n")[1:]]


def installed(scheme: str, text: str, name: str = "") -> str:
    """A folder in which the driver `text` is an installed package, as docs/drivers.md says; gone with this process.

    Args:
        scheme: of its URLs.
        text: of its module.
        name: of its class; "" if the module has `open`.
    """
    folder, module = Path(tempfile.mkdtemp(prefix="bulkq-driver-")), f"bulkq_{scheme}"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bulkq.drivers]\n{scheme} = {module}{name and ':'}{name}\n")
    return str(folder)


SHORT, EXAMPLE = (
    installed(name.lower(), text, name) for name, text in zip(("Short", "Example"), examples(), strict=True)
)
"""For the PYTHONPATH of child processes; this one has both in its path."""

sys.path += [SHORT, EXAMPLE]


EMPTY = (
    "SET lock_timeout = '10s'",
    "DROP SCHEMA IF EXISTS public CASCADE",
    "CREATE SCHEMA public",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ALL', current_database()); END $$",
)
"""Far cheaper than a database per test."""


@dataclass(frozen=True)
class Database:
    """One empty database. `place` is a URL without its scheme, `kind` of `KINDS`."""

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
    opens = KINDS[kind].opens
    assert opens is not None, f"{kind} is a server: Database.execute and fresh in {__name__} have to know it"
    rows: list[tuple[object, ...]] = []
    connection = opens(path)
    try:
        for statement in statements:
            cursor = connection.cursor()
            cursor.execute(statement)
            rows = cursor.fetchmany(1_000_000) if cursor.description else []
    finally:
        connection.close()
    return rows


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
    path.touch()  # SQLite makes it with the first table
    return database


def driver_of(base: Database, driver: str, *, read_only: bool = False) -> Driver:
    """The driver under test of the name `driver`, for `base`."""
    return open_driver(base.url(SCHEMES[driver]), application_name="bulkq test", read_only=read_only)


async def connect(base: Database, driver: str) -> Connection:
    """A session that can write."""
    return await driver_of(base, driver).connect()


@asynccontextmanager
async def connected(base: Database, driver: str) -> AsyncGenerator[Connection, None]:
    """The same, closed at the end."""
    connection = await connect(base, driver)
    try:
        yield connection
    finally:
        await connection.close()
