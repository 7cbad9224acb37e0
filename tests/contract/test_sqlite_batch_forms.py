"""SQLite answers several sets by one statement only where that gives what one execution for each gives, to the last bit."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, cast

import pytest
import pytest_asyncio

from bulkq.dialects import sqlite_batch_statement
from bulkq.dialects.sqlite_batch_statement import COPIES
from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError, QueryFileError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.corpus import IDENTIFIERS, SQLITE, SQLITE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bulkq.drivers.sqlite.connection import SqliteConnection
    from bulkq.model import Reply

SCHEMA = f"""
create table things(id integer primary key, grp int, name text collate nocase, plain text, price real, whole numeric, raw blob, untyped);
insert into things with recursive r(i) as (select 1 union all select i + 1 from r where i < 60) select i, nullif(i % 7, 0), 'Name ' || i,
  case when i % 5 > 0 then i end, i / 3.0, i, zeroblob(i % 3), case i % 3 when 0 then i when 1 then '' || i else i * 1.0 end from r;
insert into things values (9007199254740993, 1, 'STRASSE', '9007199254740993', 1e308 * 10, -9223372036854775808, x'00ff', x'31');
create index things_grp on things(grp);
create index things_name on things(name);
create index things_untyped on things(untyped);
create table pairs(a text, b int, c real, primary key (b, a)) without rowid;
insert into pairs select plain, grp, price from things where plain is not null and grp is not null;
create table made(id integer primary key, twice int generated always as (id * 2) virtual);
insert into made(id) values (1), (2), (3);
create view plain_view as select id, name from things where grp > 2;
create view random_view as select id, random() as r from things;
create view dated_view as select id, datetime('now') as r from things;
{SQLITE_SCHEMA.replace("create table orders", "create table orders_")}
create table orders(id integer primary key, user_id int, total real, status text);
insert into users(id, name, score) values (1, '1', 1.5), (2, '2', 2);
"""
TOGETHER = [
    "select * from things where id = :v",
    "SELECT id, name\n-- a remark\nFROM things\nWHERE id = :v -- another\n",
    "select name, whole, untyped, typeof(untyped) from things where untyped = :v",
    "select id, plain from things where plain = :v",
    "select id from things where :v = name",
    "select id from things where name = :v collate binary",
    "select id from things where price > :v and whole < :v",
    "select id, raw from things where grp = :v",
    "select id, :v, upper(:v), -:v, :v + 1 from things where id = 5 and :v is not null",
    "select count(*), sum(price), avg(whole), max(name), min(id), id from things where grp = :v",
    "select a, b, c from pairs where b = :v",
    "select a from pairs where b = :v and a = :v",
    "select t.id, o.name from things as t join things as o on o.id = t.grp where t.id = :v",
    "select t.id, o.name from things as t left join things as o on o.id = t.grp where t.grp = :v",
    "select id, twice from made where id = :v",
    "select * from plain_view where id = :v",
    "select id, (select count(*) from things as o where o.grp = t.grp) from things as t where id = :v",
    "select case when id = :v then 'x' else name end, cast(:v as int) from things where id = :v",
    "select id || :v || ' from \u00e4', [plain] from `things` /* from */ where id = :v",
    "select 1 as \"order\", 'from', 'it''s ?1' from things where id = :v",
    "select id from things where exists (select 1 from pairs where b = things.grp) and id = :v",
    "select id from things where id between :v and :v",
    "select grp, count(*) from things where id > :v group by grp",
    "select plain, max(id), name from things where id > :v group by 1 having count(*) > 0",
    "select * from things, pairs where id = :v and b = grp",
]
CALLS = """
abs(:v) acos(:v) acosh(:v) asin(price) asinh(:v) atan(:v) atan2(:v,price) atanh(:v) avg(:v) ceil(:v) ceiling(price) char(:v,grp) concat(:v,name)
concat_ws(plain,:v,name) cos(:v) cosh(:v) count(:v) degrees(:v) exp(grp+:v) floor(:v) format('%s/%d/%g/%q/%w',:v,:v,price,name,:v) hex(:v)
instr(name,:v) json('[1,'||grp||']') json_array(:v||'',name) json_array_length('[1,'||id||']') json_extract('{"a":[1,2.50,"x"]}','$.a['||grp||']')
json_insert('{"a":1}','$.b',:v||'') json_object(name||'',:v||'') json_patch('{"a":1}','{"b":'||id||'}') json_quote(:v||'')
json_remove('[1,2,3]','$['||grp||']') json_replace('{"a":1}','$.a',:v||'') json_set('{"a":1}','$.c',json('['||id||']')) json_type('[1,null]','$['||grp||']')
json_valid(:v) length(:v) ln(:v) log(:v) log(:v,price) log10(:v) log2(price) lower(:v) ltrim(:v,plain) max(:v) max(name,:v) min(name,:v,plain)
mod(:v,grp) nullif(name,:v) nullif(:v,plain) nullif(whole,:v) nullif(untyped,:v) octet_length(:v) pi() pow(:v,grp) power(price,:v)
printf('%.3f%s',:v,name) quote(:v) radians(:v) replace(:v,name,plain) round(:v,grp) rtrim(:v,name) sign(:v) sin(:v) sinh(:v) soundex(:v)
sqrt(:v) substr(name,:v) substring(:v,grp,grp) sum(price+grp) tan(:v) tanh(:v) total(price) trim(:v,name) trunc(:v) typeof(:v) unhex(hex(:v)) unicode(:v)
upper(:v) zeroblob(grp) '{"a":1}'->('$.'||name) '[1,2,3]'->>grp coalesce(plain,:v) ifnull(:v,grp) iif(:v,plain,name)
"""
"""A call, or several, of each function that may be called in copies of a query."""

EITHER = "select id from things where id in (select id from things where grp = :v)"
"""From 3.50 on the steps of a subquery have a number."""

APART = {
    "select id from things where grp = :v order by id desc": "not a simple SELECT",
    "select id from things where grp = :v limit 1": "not a simple SELECT",
    "select id from things where id = :v union select 1": "not a simple SELECT",
    "with w as (select * from things) select * from w where id = :v": "not a simple SELECT",
    "values (:v)": "not a simple SELECT",
    "select :v as v": "not a simple SELECT",
    "select id is distinct from grp from things where id = :v": "not a simple SELECT",
    "select random(), id from things where id = :v": "it calls random()",
    "select id from things where name like :v": "it calls like()",
    "select datetime('now'), id from things where id = :v": "it calls datetime()",
    "select current_timestamp, id from things where id = :v": "it calls current_timestamp()",
    "select id, r from random_view where id = :v": "it calls random()",
    "select id, r from dated_view where id = :v": "it calls datetime()",
    "select id, group_concat(name) from things where grp = :v": "it calls group_concat()",
    "select value from json_each(:v)": "a virtual table",
    "select distinct grp from things where id > :v": "another program",
    "select id from things where id in (:v*)": ":v is a list",
    "select count(*) from things": "it has no parameter",
    "pragma user_version": "it has no parameter",
}
VALUES: list[object] = [
    *(
        1,
        3,
        3,
        60,
        0,
        6,
        -1,
        None,
        59,
        5,
        2,
        2.0,
        2.5,
        "1",
        "2.0",
        "Name 3",
        "name 4",
        " 5",
        b"1",
        b"",
        "",
        True,
        1e308,
    ),
    *(2**53 + 1, 2**53, -(2**63), 2**63 - 1, "9007199254740993", 0.1, -0.0, "\u00e9", "a'b\"c", float("inf")),
]
"""Values of every class, more than one statement takes."""

READS = Limits(timeout_s=5, read_only=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with tables of many kinds."""
    path = tmp_path_factory.mktemp("sets") / "sets.db"
    with sqlite3.connect(path) as made:
        made.executescript(SCHEMA)
    made.close()
    return path


async def opened(path: Path) -> SqliteConnection:
    """A session."""
    return cast(
        "SqliteConnection", await open_driver(f"sqlite:///{path}", application_name="", read_only=True).connect()
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connection(path: Path) -> AsyncIterator[SqliteConnection]:
    """One session for all queries."""
    session = await opened(path)
    yield session
    await session.close()


async def both(connection: SqliteConnection, sql: str, sets: Sequence[tuple[object, ...]]) -> tuple[Reply, Reply]:
    """The replies to `sets` of one execution for each, and of statements for several."""
    statement = await connection.prepare(inline(sql, "sqlite"), Decoding.PYTHON, typed=True, identifiers={})
    apart = await connection.attempt(statement, sets, READS)
    return apart, await connection.attempt(statement, sets, replace(READS, together=True))


def same(one: Reply, other: Reply) -> bool:
    """Whether two replies are equal to the last bit: 1, 1.0 and True are different."""
    mine, theirs = ([[(type(v), repr(v)) for v in column] for column in reply.values] for reply in (one, other))
    return one.columns == other.columns and list(one.positions) == list(other.positions) and mine == theirs


async def test_one_statement_answers_as_many_executions(connection: SqliteConnection) -> None:
    """Values of every class, beside columns of every affinity and collation; no row, one and several; any number of sets."""
    for sql in TOGETHER:
        apart, together = await both(connection, sql, [(v,) for v in VALUES])
        statement = await connection.prepare(inline(sql, "sqlite"), Decoding.PYTHON, typed=True, identifiers={})
        assert (apart.together, together.together) == (False, True), (sql, await connection.why_apart(statement))
        assert same(together, apart), sql
    apart, together = await both(connection, EITHER, [(v,) for v in VALUES])
    assert same(together, apart)
    two = "select id, :a, :b, :a from things where id = :a and grp > :b"
    for count in (1, 2, COPIES - 1, COPIES, COPIES + 1, 2 * COPIES, 100):
        sets = list(product(range(20), (0, 3.5, "4", None)))[:count]
        apart, together = await both(connection, two, cast("list[tuple[object, ...]]", sets))
        assert together.together
        assert same(together, apart), count


async def test_calls_in_one_statement_answer_as_many_executions(connection: SqliteConnection, path: Path) -> None:
    """Each function that is taken for pure, over values of every class beside columns of every affinity and collation."""
    with closing(sqlite3.connect(path)) as base:
        known = {name for (name,) in base.execute("select distinct name from pragma_function_list")}
    called: set[str] = set()
    for call in CALLS.split():
        name = next((one for one in ("->>", "->") if one in call), call.partition("(")[0])
        if name not in known:
            continue  # of a newer SQLite
        sql = f"select id, {call} from things where id % 6 = 1 and coalesce(id <> :v, 1)"
        values: list[tuple[object, ...]] = [(v,) for v in VALUES]
        statement = await connection.prepare(inline(sql, "sqlite"), Decoding.PYTHON, typed=True, identifiers={})
        apart = await connection.attempt(statement, values, READS)
        taken = [value for n, value in enumerate(values) if n not in {error.position for error in apart.errors}] * 2
        apart, together = await both(connection, sql, taken)
        assert (apart.errors, together.together) == ((), True), (sql, await connection.why_apart(statement))
        assert len(taken) >= COPIES, sql
        assert same(together, apart), sql
        called.add(name)
    safe = {name.decode() for name in sqlite_batch_statement._SAFE}
    assert safe & known == called & safe


async def test_what_may_answer_otherwise_is_executed_set_by_set(connection: SqliteConnection) -> None:
    """What depends on more than its arguments, is compiled otherwise beside copies of it, or has no copies."""
    for sql, why in APART.items():
        statement = await connection.prepare(inline(sql, "sqlite"), Decoding.TEXT, typed=False, identifiers={})
        sets: list[tuple[object, ...]] = [("[1]",) if ":v" in sql else ()] * 40
        reply = await connection.attempt(statement, sets, replace(READS, together=True))
        assert not reply.together, sql
        assert why in await connection.why_apart(statement), sql


async def test_a_failure_says_nothing_of_a_single_set(connection: SqliteConnection) -> None:
    """A value that SQLite cannot take, a row that is no text, and a deadline: the sets are executed again, one by one."""
    statement = await connection.prepare(
        inline("select id from things where id = :v", "sqlite"), Decoding.PYTHON, typed=True, identifiers={}
    )
    endless = await connection.prepare(
        inline("select count(*) from things a, things b, things c, things d, things e where a.id > :v", "sqlite"),
        Decoding.PYTHON,
        typed=True,
        identifiers={},
    )
    for which, sets in ((statement, [(1,)] * 40 + [(2**70,)]), (statement, [(2**70,)] * 40), (endless, [(1,)] * 32)):
        with pytest.raises(DatabaseError) as found:
            await connection.attempt(which, sets, Limits(timeout_s=0.05, read_only=True, together=True))
        assert (found.value.together, found.value.position) == (True, None)
    reply = await connection.attempt(statement, [(1,)] * 40 + [(2**70,)], READS)
    assert [error.position for error in reply.errors] == [40]


async def test_a_change_of_the_schema_is_seen(tmp_path: Path) -> None:
    """A table that became a view with another value at each execution is executed set by set from then on."""
    path = tmp_path / "changed.db"
    with sqlite3.connect(path) as writer:
        writer.executescript("create table t(id integer primary key, r); insert into t values (1, 2)")
    session = await opened(path)
    statement = await session.prepare(
        inline("select id, r from t where id = :v", "sqlite"), Decoding.TEXT, typed=True, identifiers={}
    )
    sets: list[tuple[object, ...]] = [(1,)] * 40
    assert (await session.attempt(statement, sets, replace(READS, together=True))).together
    with sqlite3.connect(path) as writer:
        writer.executescript(
            "alter table t rename to old; create view t as select id, random() as r from old, (select 1)"
        )
    with pytest.raises(DatabaseError, match="schema has changed") as found:
        await session.attempt(statement, sets, replace(READS, together=True))
    assert found.value.together
    reply = await session.attempt(statement, sets, replace(READS, together=True))
    assert not reply.together
    assert len(set(reply.values[1])) == len(sets)
    assert "random()" in await session.why_apart(statement)
    writer.executescript(
        "drop view t; alter table old rename to t; create table stat(tbl, idx, neq, nlt, ndlt, sample); pragma writable_schema = 1;"
        "update sqlite_master set name = 'sqlite_stat4', tbl_name = 'sqlite_stat4', sql = replace(sql, 'stat', 'sqlite_stat4') where name = 'stat'"
    )
    writer.close()
    await session.close()
    session = await opened(path)
    statement = await session.prepare(
        inline("select id, r from t where id = :v", "sqlite"), Decoding.TEXT, typed=True, identifiers={}
    )
    assert "sqlite_stat4" in await session.why_apart(statement)
    await session.close()


@pytest.mark.parametrize("together", [False, True])
async def test_columns_follow_a_change_of_the_schema(tmp_path: Path, *, together: bool) -> None:
    """Names stand over the values of the table as it is now, in both forms and in a stream."""
    path = tmp_path / "renewed.db"
    with sqlite3.connect(path) as writer:
        writer.executescript("create table t(id integer primary key, a, b); insert into t values (1, 'a', 'b')")
    session = await opened(path)
    statement = await session.prepare(
        inline("select * from t where id = :v", "sqlite"), Decoding.TEXT, typed=True, identifiers={}
    )
    sets: list[tuple[object, ...]] = [(1,)] * COPIES
    for change, row in (
        ("select 1", [("id", 1), ("a", "a"), ("b", "b")]),
        (
            "drop table t; create table t(b, a, id); insert into t values ('b', 'a', 1)",
            [("b", "b"), ("a", "a"), ("id", 1)],
        ),
        ("alter table t drop column a", [("b", "b"), ("id", 1)]),
        ("alter table t add column c default 'c'", [("b", "b"), ("id", 1), ("c", "c")]),
    ):
        writer.executescript(change)
        if change != "select 1" and together:
            with pytest.raises(DatabaseError, match="schema has changed"):
                await session.attempt(statement, sets, replace(READS, together=True))
        for reply in (
            await session.attempt(statement, sets, replace(READS, together=together)),
            *[reply async for reply in session.stream(statement, sets[0], READS)],
        ):
            found = [(column.name, values[0]) for column, values in zip(reply.columns, reply.values, strict=True)]
            assert found == row, change
    writer.execute("drop table t")
    reply = await session.attempt(statement, sets, READS)
    assert (reply.columns, len(reply.errors)) == ((), COPIES)
    writer.close()
    await session.close()


async def test_the_corpus_is_answered_alike(connection: SqliteConnection) -> None:
    """What SQLite takes as one statement gives the rows of many executions."""
    compared = 0
    for case in SQLITE:
        try:
            query = replace(case, dialect="sqlite").query()
            names = {name: IDENTIFIERS.get(name, "id") for name in (p.name for p in query.parameters)}
            idents = {name: names[name] for name in names if f"{{{name}}}" in case.found}
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers=idents)
            sets = [tuple(str(n) for _ in query.parameters) for n in range(COPIES)]
            apart = await connection.attempt(statement, sets, READS)
        except (DatabaseError, QueryFileError):
            continue  # a write
        together = await connection.attempt(statement, sets, replace(READS, together=True))
        assert same(together, apart) or not together.together, case.sql
        compared += together.together
    assert compared
