"""Sessions of the SQLite driver on a file with a table."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.drivers.sqlite.aiosqlite import open as open_sqlite
from bulkq.model import Decoding, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.drivers.sqlite.connection import SqliteConnection
    from bulkq.model import Query, Reply


SCHEMA = """
create table t (id integer primary key, v text, n integer check (n >= 0));
create table child (id integer primary key, parent integer references t deferrable initially deferred);
create index by_v on t (v);
create view shown as select id, v from t;
insert into t values (1, 'one', 10), (2, 'two', 20), (3, 'three', 30);
"""


ENDLESS = "with recursive c(i) as (select 1 union all select i + 1 from c) select count(*) as n from c where i < 0"
READS = Limits(timeout_s=5)
WRITES = Limits(timeout_s=5, read_only=False)


async def connected(path: Path, *, read_only: bool = False) -> SqliteConnection:
    """A connection to it."""
    return await open_sqlite(f"sqlite:///{path}", application_name="test", read_only=read_only).connect()


def asked(sql: str) -> Query:
    """A query."""
    names = "".join(f"-- @param {name} ident\n" for name in re.findall(r":\{(\w+)\}", sql))
    return queries.inline(names + sql, "sqlite")


async def run(
    db: SqliteConnection,
    sql: str | Query,
    sets: Sequence[tuple[object, ...]] = ((),),
    limits: Limits = READS,
    *,
    typed: bool = False,
    identifiers: Mapping[str, str] | None = None,
) -> Reply:
    """Prepare and attempt."""
    query = asked(sql) if isinstance(sql, str) else sql
    statement = await db.prepare(query, Decoding.PYTHON, typed=typed, identifiers=identifiers or {})
    return await db.attempt(statement, sets, limits)


def rows(reply: Reply) -> list[tuple[object, ...]]:
    """Rows with the position before."""
    return list(zip(reply.positions, *reply.values, strict=True))


def outside(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program sees."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
