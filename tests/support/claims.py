"""A target with a run row and markers, on every driver, and claims on it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from bulkq import markers
from bulkq.drivers import open_driver
from bulkq.model import Claim, Decoding, Limits, Query
from bulkq.query import inline
from tests.support.databases import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.protocols import Connection, Statement
    from tests.support.databases import Database


T = TypeVar("T")
SCHEMA = "create table items (id integer primary key, n integer not null default 0 check (n < 1000))"
WRITES = Limits(timeout_s=20, lock_timeout_s=5, read_only=False)
IMPATIENT = replace(WRITES, lock_timeout_s=0.3)
BUMP = "update items set n = n + cast(:by as integer) where id = cast(:id as integer)"
ROWS = 400
BUSY = {"55P03", "SQLITE_BUSY", "40001"}
READ_ONLY = {"25006", "SQLITE_READONLY"}
OWNER = "host:1:it's me"
RUN = "20261122-1"


@dataclass(frozen=True)
class Target:
    """One database with the table `items`, run row and marker table, looked at from outside of the driver."""

    kind: str
    url: str
    base: Database
    tables: markers.MarkerTables

    @property
    def direct(self) -> str:
        """For asyncpg, around every pooler and proxy."""
        return self.base.url("postgresql")

    @property
    def dialect(self) -> str:
        """As `bulkq.markers` knows it."""
        return KINDS[self.base.kind].dialect

    @property
    def locks(self) -> bool:
        """Whether sessions of a server hold locks that others wait for: PostgreSQL."""
        return self.base.kind == "postgresql"

    def taking_over(self, owner: str) -> tuple[str, ...]:
        """What makes `owner` the owner of the run."""
        return markers.taking_over(self.tables, RUN, owner, self.dialect)

    def claim(self, first: int, last: int, *, owner: str = OWNER) -> Claim:
        """Of the sets from `first` to `last`."""
        return Claim(RUN, owner, 0, first, last, self.tables)

    async def fetch(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of `sql`, which lasts, by the database library itself."""
        return await asyncio.to_thread(self.base.execute, sql)

    async def markers(self) -> list[tuple[object, ...]]:
        """Of each: first, last, rows."""
        quote = self.tables.markers[-1]
        return await self.fetch(f"select first, last, {quote}rows{quote} from {self.tables.markers} order by first")

    async def total(self) -> object:
        """How often the rows were changed, all together."""
        ((found,),) = await self.fetch("select sum(n) from items")
        return found

    async def connect(self, *, read_only: bool = False) -> Connection:
        """A session of the driver."""
        return await open_driver(self.url, application_name="bulkq/test", read_only=read_only).connect()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A session that is closed at the end."""
        connection = await self.connect()
        try:
            yield connection
        finally:
            await connection.close()


async def made(kind: str, url: str, base: Database) -> Target:
    """The tables, made by the driver as a run makes them."""
    dialect = KINDS[base.kind].dialect
    schema = "public" if base.kind == "postgresql" else None
    target = Target(kind, url, base, markers.tables(schema, None, dialect))
    series = f"with recursive s(i) as (select 1 union all select i + 1 from s where i < {ROWS}) select i from s"
    await asyncio.to_thread(base.execute, SCHEMA, f"insert into items (id) {series}")
    async with target.connected() as connection:
        found = await connection.administer(
            (*markers.create(target.tables, dialect), markers.begin(target.tables, RUN, OWNER))
        )
    assert found == []
    return target


async def prepared(connection: Connection, sql: str | Query = BUMP) -> Statement:
    """Shorter to write; values are Python's."""
    query = inline(sql) if isinstance(sql, str) else sql
    return await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})


def sets(first: int, last: int) -> list[tuple[str, str]]:
    """Each changes the row of its number by one."""
    return [("1", str(i)) for i in range(first, last + 1)]


async def apply(
    connection: Connection, target: Target, first: int, last: int, *, owner: str = OWNER, limits: Limits = WRITES
) -> int:
    """One claimed batch; the rows that it changed."""
    statement = await prepared(connection)
    claim = target.claim(first, last, owner=owner)
    return (await connection.attempt(statement, sets(first, last), limits, claim=claim)).changed
