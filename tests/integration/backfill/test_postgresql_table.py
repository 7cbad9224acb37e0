"""What is said about a table of PostgreSQL that is to be changed in ranges of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.model.key_range import KeyColumn
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bulkq.model.key_range import TableFacts
    from bulkq.protocols import Connection

PATH = ("described",)

ORDERS = (
    'orders refers to it by "orders_user_id_fkey" ON DELETE CASCADE ON UPDATE SET NULL; no index of it begins with user_id, so each '
    "DELETE, and each UPDATE of the columns it refers to, reads the whole table"
)

TABLES = """
create domain short as varchar(10);
create domain code as short;
create type mood as enum ('low', 'high');
create table users (id bigint primary key, "Odd Col" code not null unique, e text unique);
create table "Odd.Name" (b char(5) not null, a mood not null, unique (b, a));
create table narrow (t text not null unique, u uuid not null unique, i integer not null unique, s smallint, x bit(3) not null unique);
create table plain (a integer);
create table deferred (id integer primary key deferrable);
create table partial (id integer not null);
create unique index partial_id on partial (id) where id > 0;
create table expression (id integer not null);
create unique index expression_id on expression ((id + 1));
create table descending (a integer not null, b integer not null);
create unique index descending_ab on descending (a, b desc);
create table nulls_first (a integer not null);
create unique index nulls_first_a on nulls_first (a nulls first);
create table opclass (a text not null);
create unique index opclass_a on opclass (a text_pattern_ops);
create table nullable (a integer unique, b integer not null unique deferrable);
create table generated (a integer not null, g integer not null generated always as (a) stored unique);
create table collated (a text not null);
create unique index collated_a on collated (a collate "C");
create table wide (a1 int, a2 int, a3 int, a4 int, a5 int, a6 int, a7 int, a8 int, a9 int,
                   primary key (a1, a2, a3, a4, a5, a6, a7, a8, a9));
create table events (id integer, at date, primary key (at, id)) partition by range (at);
create table events_1 partition of events for values from ('2020-01-01') to ('2021-01-01');
create table events_2 partition of events for values from ('2021-01-01') to ('2022-01-01') with (autovacuum_enabled = false);
insert into events select n, '2021-02-03' from generate_series(1, 1000) as n;
create table half (id integer primary key);
create table half_1 () inherits (half);
create table whole (id integer primary key);
create table whole_1 (primary key (id)) inherits (whole);
create view seen as select * from users;
create materialized view kept as select 1 as a;
create sequence numbers;
create unlogged table lost (id integer primary key);
create table orders (user_id bigint references users on delete cascade on update set null, id integer primary key);
create table watched (id integer primary key, x integer, g integer generated always as (id) stored);
create function nothing() returns trigger language plpgsql as 'begin return null; end';
create trigger before before update on watched for each row execute function nothing();
create trigger after after update or delete on watched for each statement execute function nothing();
create trigger unused before insert on watched for each row execute function nothing();
create trigger disabled before update on watched for each row execute function nothing();
alter table watched disable trigger disabled;
create rule more as on delete to watched do also select 1;
create rule other as on update to watched where new.x < 0 do instead nothing;
create table secret (id integer primary key);
alter table secret enable row level security;
grant select on secret to public;
create table published (id integer primary key);
alter table published replica identity nothing;
create foreign data wrapper nobody;
create server elsewhere foreign data wrapper nobody;
create foreign table far (id integer) server elsewhere;
create table spread (id integer) partition by range (id);
create foreign table spread_1 partition of spread for values from (1) to (2) server elsewhere;
alter table users add column gone integer;
alter table users drop column gone;
"""


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    """A database with these tables, in a schema of their own."""
    statements = [statement for statement in TABLES.split(";\n") if statement.strip()]
    servers.execute(postgres_url, "create schema described", "set search_path = described", *statements)
    yield postgres_url
    servers.execute(postgres_url, "drop schema described cascade", "drop foreign data wrapper nobody cascade")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connection(url: str) -> AsyncIterator[Connection]:
    """A session that can write."""
    opened = await open_driver(url, application_name="bulkq test", read_only=False).connect()
    yield opened
    await opened.close()


async def described(connection: Connection, over: str, *key: str) -> TableFacts:
    """What is said of the table that is called `over` in the schema of the tests."""
    return await describe(connection, "postgres", over, key, path=PATH)


@pytest.mark.parametrize(
    ("over", "key", "columns", "index"),
    [
        ("users", (), [KeyColumn("id", "bigint")], "users_pkey"),
        ("described.users", (), [KeyColumn("id", "bigint")], "users_pkey"),
        ("USERS", (), [KeyColumn("id", "bigint")], "users_pkey"),
        ("users", ("odd col",), [KeyColumn("Odd Col", "character varying")], "users_Odd Col_key"),
        ('"Odd.Name"', (), [KeyColumn("b", "bpchar"), KeyColumn("a", "described.mood")], "Odd.Name_b_a_key"),
        (
            'described."Odd.Name"',
            ("a", "b"),
            [KeyColumn("b", "bpchar"), KeyColumn("a", "described.mood")],
            "Odd.Name_b_a_key",
        ),
        ("narrow", (), [KeyColumn("i", "integer")], "narrow_i_key"),
        ("narrow", ("x",), [KeyColumn("x", '"bit"')], "narrow_x_key"),
        ("collated", (), [KeyColumn("a", "text", 'pg_catalog."C"')], "collated_a"),
        ("events", (), [KeyColumn("at", "date"), KeyColumn("id", "integer")], "events_pkey"),
        ("events_1", (), [KeyColumn("at", "date"), KeyColumn("id", "integer")], "events_1_pkey"),
        ("whole", (), [KeyColumn("id", "integer")], "whole_pkey"),
    ],
)
async def test_the_key(
    connection: Connection, over: str, key: tuple[str, ...], columns: list[KeyColumn], index: str
) -> None:
    """The primary key, else the narrowest unique index; another one if its columns are named. Types are those below domains."""
    facts = await described(connection, over, *key)
    assert (list(facts.key.columns), facts.key.index) == (columns, index)
    assert facts.key.table.startswith("described.")


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ("plain", "has no unique index by which it can be cut into ranges: add a primary key"),
        ("deferred", '"deferred_pkey" (id): its constraint is DEFERRABLE'),
        ("partial", '"partial_id" (id): it is partial'),
        ("expression", '"expression_id" (an expression): it has an expression'),
        ("descending", '"descending_ab" (a, b): its column "b" is in descending order'),
        ("nulls_first", '"nulls_first_a" (a): its column "a" has NULLS FIRST'),
        ("opclass", '"opclass_a" (a): its column "a" has an operator class'),
        (
            "nullable",
            '"nullable_a_key" (a): its column "a" may be NULL; "nullable_b_key" (b): its constraint is DEFERRABLE',
        ),
        ("generated", '"generated_g_key" (g): its column "g" is generated'),
        ("wide", "it has 9 columns, and a key can have 8"),
        ("half", '"half_pkey" (id): described.half_1, which inherits from the table, has no such key'),
        ("spread", "described.spread_1 below it is a foreign table"),
    ],
)
async def test_no_key(connection: Connection, over: str, why: str) -> None:
    """The message lists the unique indexes with their faults, in one line."""
    with pytest.raises(RefusedError, match="^described") as caught:
        await described(connection, over)
    assert why.replace("described.", "") in str(caught.value).replace("described.", "")
    assert "\n" not in str(caught.value)


async def test_another_key_that_cannot_be_one(connection: Connection) -> None:
    """An index that is named is not replaced by another; a column that does not exist is a mistake of the user."""
    with pytest.raises(
        RefusedError,
        match=r'unique index on \(e\) .*"users_e_key" \(e\): its column "e" may be NULL: its keys are \("?Odd',
    ):
        await described(connection, "users", "e")
    with pytest.raises(RefusedError, match=r"no unique index on \(id, e\)"):
        await described(connection, "users", "id", "e")
    with pytest.raises(UsageError, match=r'no column "idd" \(did you mean "id"\?\)'):
        await described(connection, "users", "idd")


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ("usrs", r'there is no table "usrs" \(did you mean "(described\.)?users"\?\)'),
        ('"Users"', r'there is no table "Users" \(did you mean'),
        ("described.usrs", r'there is no table "described\.usrs" \(did you mean "described\.users"\?\)'),
        ("nowhere.users", 'there is no table "nowhere.users"'),
        ("seen", "described.seen is a view"),
        ("kept", "described.kept is a materialized view"),
        ("numbers", "described.numbers is a sequence"),
        ("far", "described.far is a foreign table"),
        ("users_pkey", "described.users_pkey is an index"),
        ("mood", 'there is no table "mood"'),
        ("pg_class", "pg_catalog.pg_class is a table of the server itself"),
        ("a b", '"a b"'),
        ("elsewhere.public.users", '"elsewhere.public.users" does not name a table: cross-database'),
        ("a..b", '"a..b" is not the name of a table'),
        ("", "is not the name of a table"),
        ("users; drop table users", "users; drop table users"),
        ("o'users", 'there is no table "o\'users"'),
    ],
)
async def test_no_table(connection: Connection, over: str, why: str) -> None:
    """A name that is wrong, or of something else, is a mistake of the user."""
    with pytest.raises(UsageError, match=why):
        await described(connection, over)


async def test_a_temporary_table(connection: Connection) -> None:
    """Only its session sees it."""
    await connection.administer(["create temporary table passing (id integer primary key)"])
    with pytest.raises(UsageError, match="passing is a temporary table"):
        await describe(connection, "postgres", "passing")


@pytest.mark.parametrize(
    ("over", "notices"),
    [
        ("narrow", ()),
        ("events", ("partitioned by RANGE (at) into 2 partitions",)),
        ("events_1", ("a partition of events: an UPDATE that would move a row to another partition fails",)),
        (
            "whole",
            ("whole_1 inherits from it, so those rows are changed too, and keys may occur once in each",),
        ),
        ("lost", ("an unlogged table: it is empty after a crash of the server, and replicas do not have it",)),
        (
            "users",
            (ORDERS,),
        ),
        (
            "watched",
            (
                'rule "more" for DELETE does more than it',
                'rule "other" for UPDATE replaces it, so the number of changed rows is that of the rule',
                'trigger "after" is called AFTER UPDATE OR DELETE for each statement',
                'trigger "before" is called BEFORE UPDATE for each row: it may keep rows as they are without an error',
                "each UPDATE computes the generated g again",
            ),
        ),
    ],
)
async def test_notices(connection: Connection, over: str, notices: tuple[str, ...]) -> None:
    """Triggers, rules, foreign keys, partitions, a line each."""
    found = (await described(connection, over)).notices
    assert sorted(line for line in found if "never analyzed" not in line) == sorted(notices)


async def test_a_table_without_a_replica_identity(url: str, connection: Connection) -> None:
    """The server refuses changes of what it publishes and cannot name."""
    servers.execute(url, "create publication described_all for table described.published")
    try:
        (line,) = (await described(connection, "published")).notices
    finally:
        servers.execute(url, "drop publication described_all")
    assert line.startswith("published by described_all, but without a replica identity")


async def test_a_slot_that_nothing_reads(url: str, connection: Connection) -> None:
    """It keeps all WAL of a backfill."""
    servers.execute(url, "select pg_create_physical_replication_slot('described_slot', true)")
    try:
        notices = (await described(connection, "narrow")).notices
    finally:
        servers.execute(url, "select pg_drop_replication_slot('described_slot')")
    (line,) = (line for line in notices if "described_slot" in line)
    assert line.startswith('physical replication slot "described_slot" is ')
    assert line.endswith("behind: nothing reads it, so the server keeps the WAL of the whole backfill")


async def test_row_level_security(url: str, connection: Connection) -> None:
    """The owner sees every row. For another role, those that it does not see would be skipped without an error."""
    assert (await described(connection, "secret")).notices == ()
    role = f"described_{uuid4().hex[:8]}"
    servers.execute(url, f"create role {role}", f"grant usage on schema described to {role}")
    await connection.administer([f"set role {role}"])
    try:
        with pytest.raises(RefusedError, match=f'described.secret: row level security is active for role "{role}"'):
            await described(connection, "secret")
    finally:
        await connection.administer(["reset role"])
        servers.execute(url, f"drop owned by {role}", f"drop role {role}")


async def test_rows_and_size(url: str, connection: Connection) -> None:
    """An estimate over all partitions, from the density at the last ANALYZE and the pages of today."""
    facts = await described(connection, "events")
    assert facts.rows is None
    assert facts.notices[0] == "events_2 was never analyzed, so the number of rows is not known"
    servers.execute(url, "analyze described.events_2")
    facts = await described(connection, "events")
    assert facts.rows == 1000
    assert facts.size is not None
    assert facts.size > 40_000
    servers.execute(url, "insert into described.events select n, '2021-02-04' from generate_series(1, 9000) as n")
    assert 8_000 < ((await described(connection, "events")).rows or 0) < 11_000
    again = "insert into described.events select n, '2021-02-05' from generate_series(1, 90000) as n"
    servers.execute(
        url, f"do $$ begin {again}; raise exception 'back'; exception when raise_exception then null; end $$"
    )
    assert 8_000 < ((await described(connection, "events")).rows or 0) < 11_000, "rows that were rolled back are none"


async def test_the_types_of_all_columns(connection: Connection) -> None:
    """Those that a cast takes; of columns that were dropped nothing."""
    assert (await described(connection, "users")).columns == {
        "id": "bigint",
        "Odd Col": "character varying",
        "e": "text",
    }


async def test_not_null_that_was_not_validated(url: str, connection: Connection) -> None:
    """Older rows may have NULL there; only PostgreSQL 18 and later can be told so."""
    servers.execute(url, "create table described.late (id integer unique)")
    try:
        servers.execute(url, "alter table described.late add constraint late_id not null id not valid")
    except Exception as error:
        pytest.skip(f"not on this server: {error}")
    with pytest.raises(RefusedError, match='its column "id" may be NULL'):
        await described(connection, "late")


async def test_a_collation_with_equal_texts(url: str, connection: Connection) -> None:
    """It can be a key if the index is unique by it."""
    try:
        servers.execute(
            url, "create collation described.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    except Exception as error:
        pytest.skip(f"not on this server: {error}")
    servers.execute(url, "create table described.folds (a text collate described.folded primary key)")
    facts = await described(connection, "folds")
    assert facts.key.columns == (KeyColumn("a", "text"),)
    assert 'key column "a" has the collation "folded", in which different texts are equal' in facts.notices


async def test_an_index_that_is_not_valid(url: str, connection: Connection) -> None:
    """Half built by CREATE INDEX CONCURRENTLY, it does not have every row."""
    servers.execute(
        url, "create table described.broken (id integer not null)", "insert into described.broken values (1), (1)"
    )
    with pytest.raises(Exception, match="duplicated|could not create"):
        servers.execute(url, "create unique index concurrently broken_id on described.broken (id)")
    with pytest.raises(RefusedError, match=r'"broken_id" \(id\): it is not valid: REINDEX it'):
        await described(connection, "broken")
