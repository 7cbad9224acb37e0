"""The checks that come with bulkq: each finds what it is for, and nothing in a healthy database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.package_data import find
from bulkq.query.lint import lint
from tests.support.checks import run
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model import CheckResult, RunSummary
    from tests.support.sqlite_files import SqliteFile

FOLDER = find("sql") / "checks"
POSTGRESQL = sorted(path.stem for path in (FOLDER / "postgresql").glob("*.sql"))
SQLITE = sorted(path.stem for path in (FOLDER / "sqlite").glob("*.sql"))

HEALTHY = (
    "create table parent (id int primary key, note text)",
    "create table child (id serial primary key, parent int, second int, made timestamptz default now(), expires_at date)",
    "insert into parent values (1, 'a'), (2, null)",
    "insert into child (parent, second, expires_at) values (1, 1, 'infinity'), (2, 2, now()::date + 400), (null, 9, null)",
    "alter table child add constraint child_parent foreign key (parent) references parent not valid",
    'create table "Odd ""name" (id int primary key, "At" timestamp)',
    'insert into "Odd ""name" values (1, \'2020-01-01\')',
)

BROKEN = (
    "alter table child drop constraint child_parent",
    "insert into child (parent) values (77), (78)",
    "alter table child add constraint child_parent foreign key (parent) references parent not valid",
    "update pg_index set indisready = false where indexrelid = 'parent_pkey'::regclass",
    "insert into parent values (1, 'twice')",
    "update pg_index set indisready = true where indexrelid = 'parent_pkey'::regclass",
    "select setval('child_id_seq', 2000000000)",
    'alter table "Odd ""name" add column empty int',
    "create index made_index on child (made)",
    "update pg_index set indisvalid = false where indexrelid = 'made_index'::regclass",
    'update "Odd ""name" set "At" = \'2999-01-01\'',
    "update child set made = now() - interval '3 days'",
)

FINDS = {
    "orphans": ("child", "child_parent", "parent", "2"),
    "duplicates": ("parent", "parent_pkey", "id", "1"),
    "sequences": ("child_id_seq", "child.id", "2000000000", "2147483647", "93.1"),
    "always_null": ('"Odd ""name"', "empty", "1"),
    "invalid_indexes": ("made_index", "child", "not valid"),
    "future": ('"Odd ""name"', "At", "1", "2999-01-01 00:00:00"),
    "freshness": (),
}


async def ready(folder: str, url: str, **constants: str) -> dict[str, CheckResult]:
    """Run every check of a folder; the results by name."""
    found = {}
    for path in sorted((FOLDER / folder).glob("*.sql")):
        (query,) = queries.load(path.read_text(), str(path), "sqlite" if folder == "sqlite" else "postgres")
        mine = {p.name for p in query.parameters}
        summary: RunSummary = await run((query,), url, constants={n: v for n, v in constants.items() if n in mine})
        (found[path.stem],) = summary.checks
    return found


async def test_on_postgresql(database: str) -> None:
    """A healthy schema passes all of them, odd names included; a broken one fails each, with the place."""
    servers.execute(database, *HEALTHY)
    fine = await ready("postgresql", database, table="child", column="made")
    assert {name: (str(r.verdict), r.message) for name, r in fine.items()} == dict.fromkeys(
        POSTGRESQL, ("pass", "no rows")
    )
    servers.execute(database, *BROKEN)
    bad = await ready("postgresql", database, table="public.child", column="made")
    assert {name: str(r.verdict) for name, r in bad.items()} == {
        name: "warn" if name in {"sequences", "always_null"} else "fail" for name in POSTGRESQL
    }
    for name, row in FINDS.items():
        assert bad[name].rows == 1, name
        assert bad[name].sample[0][: len(row)] == row
    assert set(FINDS) == set(POSTGRESQL)


async def test_a_schema_that_is_not_there_and_a_role_that_may_not_look(database: str) -> None:
    """A pattern that fits no schema, and what the role may not read, are errors: nothing was looked at."""
    servers.execute(database, *HEALTHY)
    for name, result in (await ready("postgresql", database, table="child", column="made", schema="nix")).items():
        wrong = ("pass", None) if name == "freshness" else ("error", "3F000")
        assert (str(result.verdict), result.sqlstate) == wrong, name
        assert name == "freshness" or 'schema "nix" does not exist' in result.message
    role = "bulkq_looks_at_nothing"
    servers.execute(database, f"drop role if exists {role}", f"create role {role} login password 'x'")
    try:
        address = database.partition("://")[2]
        named = await ready(
            "postgresql",
            f"postgresql://{role}:x@{address.rpartition('@')[2]}",
            table="child",
            column="made",
        )
        refused = {name for name, result in named.items() if result.sqlstate == "42501"}
        assert refused == {"always_null", "duplicates", "freshness", "future", "orphans", "sequences"}
    finally:
        servers.execute(database, f"drop role {role}")


async def test_no_schema_at_all(database: str) -> None:
    """NULL is like nothing, and not like everything."""
    for name, result in (await ready("postgresql", database, schema="", table="pg_class", column="relname")).items():
        assert str(result.verdict) == "error", name


@pytest.fixture
def tenant(database: str) -> Iterator[str]:
    """The URL of a role that row-level security shows a part of `child` to."""
    role = "bulkq_one_tenant"
    servers.execute(
        database,
        *HEALTHY,
        "alter table child enable row level security",
        "create policy mine on child using (id = 1)",
        f"drop role if exists {role}",
        f"create role {role} login password 'x'",
        f"grant select on all tables in schema public to {role}",
    )
    yield f"postgresql://{role}:x@{database.partition('://')[2].rpartition('@')[2]}"
    servers.execute(database, f"drop owned by {role}", f"drop role {role}")


async def test_rows_that_row_security_hides(tenant: str) -> None:
    """Of a table that the role sees a part of nobody can tell: no orphan among those rows says nothing of the others."""
    found = await ready("postgresql", tenant, table="parent", column="id", schema="public")
    for name in ("orphans", "duplicates", "future", "always_null"):
        assert str(found[name].verdict) == "error", name
        assert 'affected by row-level security policy for table "child"' in found[name].message, name


async def test_half_a_key(database: str) -> None:
    """MATCH FULL takes a key that is NULL as a whole, and none that is so in part."""
    servers.execute(
        database,
        "create table pair (a int, b int, primary key (a, b))",
        "create table part (a int, b int)",
        "insert into pair values (1, 1)",
        "insert into part values (1, 1), (null, null), (1, null), (2, 2)",
        "alter table part add constraint simple foreign key (a, b) references pair not valid",
        "alter table part add constraint whole foreign key (a, b) references pair match full not valid",
    )
    found = (await ready("postgresql", database, table="part", column="a"))["orphans"]
    assert found.sample == (("part", "whole", "pair", "2"), ("part", "simple", "pair", "1"))


async def test_columns_that_look_ahead(database: str) -> None:
    """Whole words say so: what was attended, validated or sent lies behind, however it is spelled."""
    behind = ["attended_at", "validated_at", "calendar_date", "sender_since", "residue_at", "ended_at", "renewed_at"]
    ahead = [
        "end_date",
        "enddate",
        "endsAt",
        "due_at",
        "dueBy",
        "due",
        "valid_to",
        "validto",
        "expires",
        "next_run",
        "renewal_on",
    ]
    columns = ", ".join(f'"{name}" date' for name in (*behind, *ahead))
    values = ", ".join(["'2999-01-01'"] * len([*behind, *ahead]))
    servers.execute(database, f"create table t ({columns})", f"insert into t values ({values})")
    found = (await ready("postgresql", database, table="t", column="due"))["future"]
    assert found.rows == len(behind)
    (query,) = queries.load(
        (FOLDER / "postgresql" / "future.sql").read_text().replace("@tags", "@sample 50\n-- @tags"), "f.sql"
    )
    (found,) = (await run((query,), database)).checks
    assert sorted(row[1] for row in found.sample) == sorted(behind)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
async def test_a_row_that_lies_ahead_hides_no_dead_table(kind: str, database: str) -> None:
    """Infinity and a wrong century are no news; a table whose newest row is of today is fine in every type."""
    servers.execute(
        database,
        f"create table dead (at {kind})",
        "insert into dead values ('2001-01-01'), ('infinity'), ('2999-01-01')",
        f"create table fresh (at {kind})",
        "insert into fresh values (now()), ('infinity')",
        f"create table odd (at {kind})",
        "insert into odd values ('infinity')",
    )
    found = [(await ready("postgresql", database, table=t, column="at"))["freshness"] for t in ("dead", "fresh", "odd")]
    assert [str(one.verdict) for one in found] == ["fail", "pass", "fail"]
    assert (found[0].sample[0][0] or "").startswith("2001-01-01")


async def test_where_a_sequence_begins(database: str) -> None:
    """Descending ones are looked at, a range that begins late is not used up by its first number, a short column counts."""
    servers.execute(
        database,
        "create sequence late minvalue 1000000 maxvalue 1000100",
        "select nextval('late')",
        "create sequence down increment -1 minvalue -100 maxvalue -1",
        "select setval('down', -90)",
        "create sequence fresh_down increment -1",
        "select nextval('fresh_down')",
        "create table t (id smallint)",
        "create sequence narrow increment -1 owned by t.id",
        "select setval('narrow', -32000)",
        "create sequence beyond minvalue 100000 owned by t.id",
        "select nextval('beyond')",
        "create sequence whole minvalue -9223372036854775808 maxvalue 9223372036854775807 start 0",
        "select setval('whole', 9223372036854775807)",
    )
    found = (await ready("postgresql", database, table="t", column="id"))["sequences"]
    assert [(row[0], row[-1]) for row in found.sample] == [
        ("beyond", "100.0"), ("whole", "100.0"), ("narrow", "97.7"), ("down", "90.0"),
    ]  # fmt: skip


async def test_on_sqlite(sqlite_file: SqliteFile) -> None:
    """The same, as far as SQLite can be asked."""
    path = sqlite_file(
        "create table parent (id integer primary key); create table child (id integer primary key, parent int references parent, "
        "note text, made text, u int); create unique index only_u on child (u); insert into parent values (1);"
        "insert into child values (1, 1, 'x', datetime('now'), 1);"
    )
    url = f"sqlite:///{path}"
    fine = await ready("sqlite", url, table="child", column="made")
    assert {name: (str(r.verdict), r.message) for name, r in fine.items()} == dict.fromkeys(SQLITE, ("pass", "no rows"))
    with sqlite3.connect(path) as connection:
        connection.execute("insert into child values (2, 99, null, '2999-01-01 00:00:00', 2)")
        connection.execute("update child set note = null")
        connection.execute("pragma writable_schema = on")
        connection.execute(
            "update sqlite_schema set sql = 'create unique index only_u on child (note is null)' where name = 'only_u'"
        )
    bad = await ready("sqlite", url, table="child", column="made")
    assert (bad["orphans"].sample, str(bad["orphans"].verdict)) == ((("child", "2", "parent", "0"),), "fail")
    assert str(bad["duplicates"].verdict) == "fail"
    assert bad["future"].sample == (("1", "2999-01-01 00:00:00", "0"),)
    with sqlite3.connect(path) as connection:
        connection.execute("update child set made = 1764000000 where id = 1")
    odd = await ready("sqlite", url, table="child", column="made")
    assert (str(odd["future"].verdict), odd["future"].sample[0][2]) == ("fail", "1")
    empty = await ready("sqlite", url, table="child", column="note")
    assert (str(empty["always_null"].verdict), str(empty["freshness"].verdict)) == ("warn", "fail")


@pytest.mark.parametrize("table", ["fresh", "hollow"])
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("freshness", {"max_age": "1d"}),
        ("freshness", {"max_age": "P1D"}),
        ("freshness", {"max_age": "1 dayz"}),
        ("freshness", {"max_age": ""}),
        ("freshness", {"tolerance": "1d"}),
        ("future", {"tolerance": "1d"}),
        ("future", {"tolerance": "-1 dayz"}),
    ],
)
async def test_a_time_that_sqlite_does_not_understand(
    name: str, given: dict[str, str], table: str, sqlite_file: SqliteFile
) -> None:
    """SQLite makes NULL of it, with which nothing is ever too old: it is an error, also where the table is empty."""
    path = sqlite_file(
        "create table fresh (at text); insert into fresh values (datetime('now')); create table hollow (at text)"
    )
    result = (await ready("sqlite", f"sqlite:///{path}", table=table, column="at", **given))[name]
    assert str(result.verdict) == "error"
    ((parameter, value),) = given.items()
    assert f'{parameter} "{value or "NULL"}" is no time: write it like "1 day"' in result.message


@pytest.mark.parametrize("max_age", ["1 day", "-1 day", "+36 hours", "start of day"])
async def test_how_an_age_may_be_written(max_age: str, sqlite_file: SqliteFile) -> None:
    """With or without its sign; and a row from the year 2999 does not hide that nothing comes any more."""
    path = sqlite_file(
        "create table fresh (at text); insert into fresh values (datetime('now'));"
        "create table dead (at text); insert into dead values ('2001-01-01'), ('2999-01-01')"
    )
    url = f"sqlite:///{path}"
    fresh = await ready("sqlite", url, table="fresh", column="at", max_age=max_age)
    dead = await ready("sqlite", url, table="dead", column="at", max_age=max_age)
    assert [str(found["freshness"].verdict) for found in (fresh, dead)] == ["pass", "fail"]
    assert dead["freshness"].sample == (("2001-01-01 00:00:00",),)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.sql")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_one_is_described(path: Path) -> None:
    """It says what it finds, has a tag, and nothing against it is found by lint."""
    dialect = "sqlite" if path.parent.name == "sqlite" else "postgres"
    (query,) = queries.load(path.read_text(), str(path), dialect)
    assert query.name == path.stem
    assert len(query.description) > 40
    assert query.tags
    assert lint(query, dialect) == []
