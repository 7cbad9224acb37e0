"""What is said about a table of SQLite that is to be changed in ranges of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey

if TYPE_CHECKING:
    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

SCRIPT = """
create table users (id integer primary key, name text not null unique);
create table "dotted.name" (a int not null, b text not null, primary key (b, a)) without rowid;
create table texts (id text primary key);
create view seen as select 1;
insert into users values (1, 'a'), (2, 'b');
analyze;
"""


async def described(url: str, over: str, *key: str, read_only: bool = False) -> TableFacts:
    """What is said of the table that is called `over`."""
    connection = await open_driver(url, application_name="bulkq test", read_only=read_only).connect()
    try:
        return await describe(connection, "sqlite", over, key)
    finally:
        await connection.close()


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
async def test_a_table(sqlite_file: SqliteFile, scheme: str) -> None:
    """With its key, also for a session that only reads."""
    url = f"{scheme}:///{sqlite_file(SCRIPT)}"
    users = TableFacts(
        TableKey("`users`", (KeyColumn("id", "INTEGER"),)),
        {"id": "INTEGER", "name": "TEXT"},
        rows=2,
        order="id INTEGER",
    )
    assert await described(url, "Users") == users
    assert await described(url, "main.users", read_only=True) == users
    assert (await described(url, "users", "name")).key.columns == (KeyColumn("name", "TEXT"),)
    dotted = await described(url, '"dotted.name"')
    assert (dotted.key.columns, dotted.rows) == ((KeyColumn("b", "TEXT"), KeyColumn("a", "INT")), None)


async def test_no_key_and_no_table(sqlite_file: SqliteFile) -> None:
    """A NULL in a key would end a walk; the number of a row is offered instead."""
    url = f"sqlite:///{sqlite_file(SCRIPT)}"
    with pytest.raises(RefusedError, match=r'\(id\): its column "id" may be NULL: its keys are \(rowid\)$'):
        await described(url, "texts")
    assert (await described(url, "texts", "rowid")).key.columns == (KeyColumn("rowid", "INTEGER"),)
    with pytest.raises(UsageError, match="`seen` is a view: name the table under it"):
        await described(url, "seen")
    for over in ("usrs", "temp.users", "nowhere.users"):
        with pytest.raises(
            UsageError, match=rf'there is no table "{over}" \(did you mean "users"\?\): correct the name'
        ):
            await described(url, over)


def test_an_empty_table_needs_no_table_of_ranges(cli: Cli, sqlite_file: SqliteFile) -> None:
    """Nothing is to be done, and nothing is left to be removed."""
    url = f"sqlite:///{sqlite_file('create table empty (id integer primary key, v int)')}"
    ended = cli("backfill", "-t", url, "--over", "empty", "--set", "v = 1")
    assert (ended.code, "could not be removed" in ended.err) == (0, False), ended.err
