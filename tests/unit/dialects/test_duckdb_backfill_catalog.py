"""What DuckDB's catalog says about tables that are to be changed in ranges of their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from bulkq.dialects import DUCKDB
from bulkq.model.key_range import KeyColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.dialects.backfill_catalog import TableDescription

SCRIPT = """
create schema s;
create table s.users (id bigint primary key, name varchar not null unique, d decimal(10, 2) unique);
create table s.orders (u bigint references s.users (id));
create table plain (a integer);
create table pairs (a integer, b utinyint, primary key (b, a));
create table odd (a integer not null, "x""y" integer not null, "o d" integer not null);
create unique index named on odd ("x""y", a, "o d");
create unique index computed on odd ((a + 1));
create index not_unique on odd (a);
create view seen as select 1;
create temporary table passing (id integer primary key);
create table hidden (id integer primary key);
create temporary table hidden (id integer);
"""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory."""
    with duckdb.connect() as connection:
        connection.execute(SCRIPT)
        yield connection


def table(database: duckdb.DuckDBPyConnection, *name: str) -> TableDescription:
    """What is read about a table."""
    assert DUCKDB.tables is not None
    values = DUCKDB.name_values(name)
    return DUCKDB.tables.read([database.execute(query.format(**values)).fetchall() for query in DUCKDB.tables.queries])


def test_a_table(database: duckdb.DuckDBPyConnection) -> None:
    """In any case, with its foreign keys."""
    found = table(database, "S", "Users")
    assert (found.name, found.rows, found.wrong) == ('"s"."users"', 0, "")
    assert found.columns == {"id": "BIGINT", "name": "VARCHAR", "d": "DECIMAL(10,2)"}
    assert [(one.columns, one.primary, one.width, one.fault) for one in found.candidates] == [
        ((KeyColumn("d", "DECIMAL(10,2)"),), False, 64, 'its column "d" may be NULL'),
        ((KeyColumn("id", "BIGINT"),), True, 8, ""),
        ((KeyColumn("name", "VARCHAR"),), False, 64, ""),
    ]
    assert found.notices == ("orders refers to it by FOREIGN KEY (u) REFERENCES s.users(id)",)


def test_indexes(database: duckdb.DuckDBPyConnection) -> None:
    """In the order of the index; the catalog quotes names there. Expressions are no columns, and plain indexes no keys."""
    assert table(database, "plain").candidates == ()
    (pairs,) = table(database, "pairs").candidates
    assert (pairs.names, pairs.width) == (("b", "a"), 5)
    computed, named = table(database, "odd").candidates
    assert (computed.names, computed.fault) == (("",), "it has an expression")
    assert (named.index, named.names, named.fault) == ("named", ('x"y', "a", "o d"), "")


@pytest.mark.parametrize(
    ("name", "wrong"), [("seen", "a view"), ("passing", "a temporary table"), ("hidden", "a temporary table")]
)
def test_what_is_not_a_table_of_the_user(database: duckdb.DuckDBPyConnection, name: str, wrong: str) -> None:
    """It is named for what it is; a temporary table hides another one."""
    assert table(database, name).wrong.startswith(wrong)


def test_a_table_without_a_number_of_rows() -> None:
    """An estimate need not be there."""
    assert DUCKDB.tables is not None
    assert DUCKDB.tables.read([[("table", "t", None, False)], [], [], []]).rows is None
