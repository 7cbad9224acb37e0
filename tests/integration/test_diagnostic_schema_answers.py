"""The ready questions about schemas tell what is there from what only looks like it, on PostgreSQL, MariaDB and SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.databases import fresh
from tests.support.diagnostics import ask
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_sequence_ends_with_the_narrowest_column_that_it_fills(database: str) -> None:
    """Columns that own the sequence, or only have it as a default; a domain; a table that is not logged."""
    servers.execute(
        database,
        "create unlogged table fast (id serial)",
        "create sequence common",
        "create table wide (a bigint default nextval('common'), b smallint default nextval('common'))",
        "create domain code as int",
        "create sequence of_domain",
        "create table coded (id code primary key default nextval('of_domain'))",
        "select setval('fast_id_seq', 2000000000), setval('common', 32000), setval('of_domain', 2000000000)",
        "insert into coded values (2000000000), (2000000001)",
        "create table pair (tenant int, n int, primary key (tenant, n))",
        "insert into pair select 2100000000, i from generate_series(1, 5000) i",
        "insert into pair select i, 1 from generate_series(1, 500) i",
        "analyze",
    )
    found = {row["sequence"]: (row["owner"], row["last_possible"]) for row in await ask(database, "sequences")}
    assert found == {
        "fast_id_seq": ("fast.id", 2_147_483_647),
        "common": ("wide.a, wide.b", 32_767),
        "of_domain": ("coded.id", 2_147_483_647),
    }
    keys = {(row["table"], row["column"]) for row in await ask(database, "integer_keys")}
    assert keys == {("coded", "id"), ("pair", "tenant")}, "the most common values count, too"


async def test_an_index_that_a_constraint_needs_is_not_redundant(database: str) -> None:
    """Exclusion and deferrable constraints; indexes of partitions stand for that of their table."""
    servers.execute(
        database,
        "create table e (a int, b int, exclude using btree (a with =))",
        "create index on e (a, b)",
        "create table r (a int4range, exclude using gist (a with &&), exclude using gist (a with =))",
        "create table d (a int, unique (a) deferrable)",
        "create unique index on d (a)",
        "create table p (a int, b int) partition by list (a)",
        "create table p_1 partition of p for values in (1)",
        "create table p_2 partition of p for values in (2)",
        "create index first on p (a)",
        "create index again on p (a)",
        "create index longer on p (a, b)",
        "create table x (a int)",
        "create index short on x (a)",
        "create index with_expression on x (a, (a + 1))",
    )
    assert [row["indexes"] for row in await ask(database, "duplicate_indexes")] == ["first, again"]
    redundant = {(row["index"], row["covered_by"]) for row in await ask(database, "redundant_indexes")}
    assert redundant == {("first", "longer"), ("again", "longer"), ("short", "with_expression")}
    unused = {row["index"] for row in await ask(database, "unused_indexes", at_least="0")}
    assert {"first", "again", "longer"} <= unused
    assert not {name for name in unused if name.startswith("p_")}


async def test_an_index_that_one_partition_uses_is_used(database: str) -> None:
    """The last partition is read, the others are not."""
    servers.execute(
        database,
        "create table p (a int, b int) partition by list (a)",
        "create table p_1 partition of p for values in (1)",
        "create table p_2 partition of p for values in (2)",
        "create index used on p (b)",
        "set enable_seqscan = off",
        "select count(*) from p_2 where b = 1",
    )
    found = {row["index"] for row in await ask(database, "unused_indexes", at_least="0", fewer_than="1")}
    assert found == set()


async def test_numbers_of_partitions_at_all_levels(database: str) -> None:
    """Rows below a partition that is partitioned itself; a partition that was never analyzed makes their number unknown."""
    servers.execute(
        database,
        "create table p (a int) partition by range (a)",
        "create table p_1 partition of p for values from (0) to (1000)",
        "create table p_2 partition of p for values from (1000) to (3000) partition by range (a)",
        "create table p_2a partition of p_2 for values from (1000) to (3000)",
        "create table p_d partition of p default",
        "insert into p select generate_series(0, 2999)",
        "analyze p_1",
        "analyze p_2a",
    )
    found = {
        row["table"]: (row["partitions"], row["rows"], row["rows_in_default"])
        for row in await ask(database, "partitions")
    }
    (version,) = servers.execute(database, "select current_setting('server_version_num')::int")
    unknown = 0 if version[0] < 140_000 else None
    assert found == {"p": (3, 3000 if unknown == 0 else None, unknown), "p_2": (1, 2000, None)}
    servers.execute(database, "analyze p_d")
    assert (await ask(database, "partitions"))[0]["rows"] == 3000
    if unknown is None:
        assert {row["table"] for row in await ask(database, "stale_statistics")} >= {"p", "p_2"}
    servers.execute(database, "analyze")
    assert not {row["table"] for row in await ask(database, "stale_statistics")} & {"p", "p_2"}


async def test_constraints_that_wait_for_validation(database: str) -> None:
    """Those of domains, too. One that is not enforced cannot be validated."""
    servers.execute(
        database,
        "create table t (a int)",
        "alter table t add constraint late check (a > 0) not valid",
        "create domain small as int",
        "alter domain small add constraint bounded check (value < 100) not valid",
    )
    (version,) = servers.execute(database, "select current_setting('server_version_num')::int")
    if version[0] >= 180_000:
        servers.execute(database, "alter table t add constraint never check (a > 1) not enforced")
    found = {
        (row["table"], row["domain"], row["constraint_name"]) for row in await ask(database, "not_valid_constraints")
    }
    assert found == {("t", None, "late"), (None, "small", "bounded")}


async def test_space_of_a_table_with_a_virtual_column(database: str) -> None:
    """A column that is not stored has no statistics, and needs no space."""
    (version,) = servers.execute(database, "select current_setting('server_version_num')::int")
    if version[0] < 180_000:
        pytest.skip("there are no virtual columns")
    servers.execute(
        database,
        "create table v (id int, note text, twice int generated always as (id * 2) virtual)",
        "insert into v select i, repeat('x', 100) from generate_series(1, 20000) i",
        "analyze v",
    )
    assert await ask(database, "table_bloat", at_least="0") == []


async def test_limits_of_autovacuum_of_the_table_and_the_version(database: str) -> None:
    """The greatest threshold of PostgreSQL 18, its share of pages that are not frozen, and ages that a table sets for itself."""
    servers.execute(
        database,
        "create table aged (a int) with (autovacuum_freeze_max_age = 100000, autovacuum_enabled = off)",
        "create table t (a int) with (autovacuum_enabled = off)",
        "insert into t select generate_series(1, 10000)",
    )
    ages = {
        row["table"]: float(row["percent"])
        for row in await ask(database, "wraparound_tables", percent="0", most="10000")
    }
    age = servers.execute(database, "select age(relfrozenxid) from pg_class where relname = 'aged'")[0][0]
    assert ages["aged"] == pytest.approx(100 * age / 100_000, abs=0.5)
    (version,) = servers.execute(database, "select current_setting('server_version_num')::int")
    if version[0] >= 180_000:
        servers.execute(
            database, "vacuum (freeze, analyze) t", "alter table t set (autovacuum_vacuum_max_threshold = 10)"
        )
        (found,) = [row for row in await ask(database, "vacuum_need", percent="0") if row["table"] == "t"]
        assert (found["dead_threshold"], found["insert_threshold"]) == (10, 1000), "all pages are frozen"


async def test_what_bulkq_sets_for_itself_hides_no_setting(database: str) -> None:
    """A statement timeout of the database, which the session of the question has replaced."""
    servers.execute(database, f"alter database \"{database.rpartition('/')[2]}\" set statement_timeout = '7min'")
    found = {row["setting"]: row["value"] for row in await ask(database, "settings_changed")}
    assert found["statement_timeout"] == "420000ms"
    assert "lock_timeout" not in found


async def test_rights_through_other_roles(database: str) -> None:
    """A role that is a member of a superuser, or of a role that reaches programs, directly or not."""
    name = database.rpartition("/")[2]
    group, low, high = (f"{kind}_{name}"[:60] for kind in ("g", "l", "h"))
    try:
        servers.execute(
            database,
            f'create role "{group}"',
            f'create role "{low}" login',
            f'create role "{high}" superuser',
            f'grant pg_execute_server_program to "{group}"',
            f'grant "{group}" to "{low}"',
        )
        found = {row["role"]: row["member_of"] for row in await ask(database, "privileged_roles")}
        assert found[low] == "pg_execute_server_program"
        assert found[high] is None
        servers.execute(database, f'grant "{high}" to "{low}"')
        found = {row["role"]: row["member_of"] for row in await ask(database, "privileged_roles")}
        assert found[low] == f"{high}, pg_execute_server_program"
    finally:
        servers.execute(database, *(f'drop role if exists "{role}"' for role in (low, group, high)))


async def test_indexes_of_mariadb_that_cover_others(request: pytest.FixtureRequest) -> None:
    """A name with an underscore is no pattern; an ignored index, another direction and a fulltext index cover nothing."""
    pytest.importorskip("pymysql")
    base = fresh("mariadb", request)
    url = base.url("mysql+pymysql")
    base.execute(
        "create table u (id int primary key, a_b int, axb int, c int, key k1 (a_b), key k2 (axb, c))",
        "create table d (id int primary key, a int, b int, c int, key d1 (a, b), key d2 (a, b desc, c))",
        "create table f (id int primary key, a text, b text, fulltext key f1 (a), fulltext key f2 (a, b))",
        "create table i (id int primary key, a int, b int, key i1 (a), key i2 (a, b))",
        "create table g (id int primary key, a int, b int, key g1 (a), key g2 (a, b) ignored)",
    )
    found = {(row["index"], row["covered_by"]) for row in await ask(url, "redundant_indexes")}
    assert found == {("i1", "i2")}


async def test_an_index_of_sqlite_with_an_expression_behind(tmp_path: Path) -> None:
    """An index whose first columns are those of another covers it, whatever follows."""
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.executescript(
            "create table a (x int, y text, z int); create index short on a (x); create index long on a (x, lower(y), z);"
            "create index other on a (x, z);"
        )
    connection.close()
    rows = await ask(f"sqlite:///{tmp_path / 's.db'}", "redundant_indexes")
    assert {(row["index"], row["covered_by"]) for row in rows} == {("short", "long"), ("short", "other")}


async def test_a_row_that_an_index_of_sqlite_lacks(tmp_path: Path) -> None:
    """It was inserted while the schema had no index. PRAGMA quick_check does not see it."""
    file = tmp_path / "s.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("create table t (x text); create index i on t (x); insert into t values ('a')")
        row = connection.execute(
            "select type, name, tbl_name, rootpage, sql from sqlite_master where name = 'i'"
        ).fetchone()
    assert await ask(f"sqlite:///{file}", "integrity") == []
    steps = (
        ("delete from sqlite_master where name = 'i'", ()),
        ("insert into t values ('b')", ()),
        ("insert into sqlite_master values (?, ?, ?, ?, ?)", row),
    )
    for statement, values in steps:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("pragma writable_schema = on")
            connection.execute(statement, values)
            connection.commit()
    found = [one["finding"] for one in await ask(f"sqlite:///{file}", "integrity")]
    assert found == ["row 2 missing from index i", "wrong # of entries in index i"]
