"""What is said about a table of MariaDB and of DuckDB that is to be changed in ranges of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.model.key_range import KeyColumn
from tests.support.databases import connected, fresh

if TYPE_CHECKING:
    from bulkq.model.key_range import TableFacts
    from tests.support.databases import Database

MARIADB = (
    "create table users (id bigint unsigned primary key, e varchar(20) character set utf8mb4 collate utf8mb4_bin not null unique)",
    "create table `odd``name` (Ab int not null, b int not null, unique (b, Ab))",
    "create table orders (u bigint unsigned, foreign key fk (u) references users (id) on delete cascade)",
    "create trigger g before update on users for each row set new.e = new.e",
    "create table hashed (b text not null unique)",
    "create table prefixed (b text not null, unique (b(10)))",
    "create table descending (a int not null, unique (a desc))",
    "create table old (a int primary key) engine=MyISAM",
    "create table divided (a int primary key) partition by hash (a) partitions 3",
    "create view seen as select 1",
)


async def described(base: Database, driver: str, over: str, *key: str) -> TableFacts:
    """What is said of the table that is called `over`."""
    async with connected(base, driver) as connection:
        return await describe(connection, "duckdb" if driver == "duckdb" else "mysql", over, key)


async def test_mariadb(request: pytest.FixtureRequest) -> None:
    """Keys, notices and refusals, through both libraries."""
    base = fresh("mariadb", request)
    base.execute(*MARIADB)
    facts = await described(base, "pymysql", "users")
    assert facts.key.table == f"`{base.path}`.`users`"
    assert facts.key.columns == (KeyColumn("id", "bigint unsigned"),)
    assert facts.notices == (
        'orders refers to it by "fk" ON DELETE CASCADE',
        'trigger "g" is called BEFORE UPDATE for each row',
    )
    assert await described(base, "aiomysql", f"{base.path}.users") == facts
    assert (await described(base, "pymysql", "users", "E")).key.columns == (KeyColumn("e", "varchar", "utf8mb4_bin"),)
    assert (await described(base, "pymysql", "`odd``name`")).key.columns == (
        KeyColumn("b", "int"),
        KeyColumn("Ab", "int"),
    )
    assert (await described(base, "pymysql", "divided")).notices == ("divided into 3 partitions",)
    refused = {
        "hashed": "its type HASH has no order",
        "prefixed": "it holds only the first 10 characters",
        "descending": "in descending order",
        "orders": "has no unique index",
        "old": "its engine MyISAM has no transactions",
    }
    for over, why in refused.items():
        with pytest.raises(RefusedError, match=why):
            await described(base, "pymysql", over)
    wrong = {
        "usrs": r'there is no table "usrs" \(did you mean "users"\?\)',
        "seen": "is a view",
        "mysql.user": "is a (view|table of the server)",
        "a.b.c": "is not the name of a table",
        "o'x%s": "there is no table",
    }
    for over, why in wrong.items():
        with pytest.raises(UsageError, match=why):
            await described(base, "pymysql", over)


async def test_duckdb(request: pytest.FixtureRequest) -> None:
    """A key is needed, because the number of a row is not one for long."""
    base = fresh("duckdb", request)
    base.execute("create table users (id bigint primary key, e varchar)", "create table plain (a integer)")
    facts = await described(base, "duckdb", "main.Users")
    assert (facts.key.table, facts.key.columns, facts.rows) == ('"main"."users"', (KeyColumn("id", "BIGINT"),), 0)
    with pytest.raises(RefusedError, match='"main"."plain" has no unique index'):
        await described(base, "duckdb", "plain")
    with pytest.raises(UsageError, match=r'no column "rowid" \(there are: a\)'):
        await described(base, "duckdb", "plain", "rowid")
    with pytest.raises(UsageError, match=r'there is no table "usrs" \(did you mean "users"\?\)'):
        await described(base, "duckdb", "usrs")
