"""DuckDB answers a batch of reads by one statement only where that gives what one execution for each set gives, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import duckdb
import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError, QueryFileError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.corpus import DUCKDB, POSTGRES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.corpus import Case

SCHEMA = """
create table things as select i::int as id, nullif(i % 7, 0) as grp, 'name ' || i as name,
  case when i % 5 > 0 then 'note' || i end as note, (i * 1.0625)::decimal(12, 4) as price, date '2026-01-31' + i::int as day,
  timestamp '2026-01-31 22:00:00' + to_hours(i) as moment, timestamptz '2026-01-31 22:00:00+01' + to_hours(i) as zoned, i / 3.0 as ratio,
  (i / 3.0)::float as small, ['a' || i, null] as tags, {'n': i, 't': time '12:00:00'} as doc, i % 2 = 0 as flag,
  ('k' || (i % 3))::enum ('k0', 'k1', 'k2') as kind, to_days(i::int) as took from range(1, 61) as r(i);
alter table things add primary key (id);
create view plain_view as select id, name from things where flag;
create view random_view as select id, name, random() as r from things;
create view nested_view as select id, r from random_view;
create macro twice(x) as x * 2;
create macro roll(x) as x + random();
create macro of_group(g) as table select count(*) as n, max(name) as last from things where grp = g;
create table generated (id int primary key, dice double generated always as (random()));
insert into generated values (1), (2), (3);
create table cased (id int, word varchar collate nocase);
insert into cased values (1, 'x'), (2, 'X');
create table empty (id int, grp int);
create table users (id bigint primary key, name text, email text, phone text, phone_norm text, active boolean,
  created_at timestamptz, tags text[], nums int[], doc json, score numeric(10, 2), parent_id bigint);
insert into users select i, 'n' || i, 'e' || i, null, null, true, null, ['a'], [1], json('{"a": 1}'), i, i - 1 from range(1, 4) as r(i);
create table orders (id bigint primary key, user_id bigint, total numeric, status text, placed date);
insert into orders select i, i, i * 10, 'open', date '2026-01-01' from range(1, 4) as r(i);
create table audit ("at" timestamptz, what text, n bigint);
create table t (a text, b int, z int, x int, l int[]);
insert into t values ('a', 1, 1, 1, [1, 2]);
create sequence seq
"""
LEAST_COMPARED = 5
TOGETHER = [
    "select * from things where id = :v",
    "select id, name from things where id = :v::int",
    "from things where id = :v",
    "select t.*, t.id from things as t where id = :v -- a remark",
    "select count(*), sum(price), max(name), min(day), avg(id), count(distinct note), bool_and(flag) from things where grp = :v",
    "select count(*) filter (where flag), sum(id) from things where grp = :v having count(*) > 100",
    "select :v as a, :v::int as b, null as c",
    "select id, coalesce(name, :v), greatest(id, :v), nullif(name, :v) from things where id = :v",
    "select id, :v || name, upper(:v), length(:v) from things where id = :v",
    "select id, (select count(*) from things as o where o.grp = t.grp) from things as t where id = :v",
    "select id, (select max(price) from things) from things where id = :v",
    "select * from things where id = (select max(id) from things where id <= :v)",
    "with w as (select * from things where id = :v) select w.id, t.name from w join things as t using (id)",
    "with w as materialized (select * from things where id <= :v) select count(*), max(name) from w",
    "select * from plain_view where id = :v",
    "select twice(id) from things where id = :v",
    "select * from of_group(:v)",
    "select name from things where id = :v and price > :v",
    "select id from things where id between :v and :v",
    "select exists (select 1 from things where id = :v)",
    "select exists (select 1 from things as o where o.id = t.id + 1) from things as t where id = :v",
    "select id from things where id = :v and exists (select 1 from things where grp = :v)",
    "select count(*) from (select 1 from things where grp = :v limit 2)",
    "select distinct grp from things where grp = :v",
    "select grp, count(*) from things where grp = :v group by grp",
    "select t.id, o.name from things as t left join things as o on o.id = t.id + 1 where t.id = :v",
    "select case when id = :v then name else :v end from things where id = :v",
    "select try_cast(:v as int), id from things where id = :v",
    "select year(day), month(moment), date_trunc('day', moment), moment + interval 1 day, strftime(day, '%Y') from things where id = :v",
    "select zoned, took, tags, doc, kind, small, ratio, flag from things where id = :v",
    "select round(price, 1), abs(-id), name like '%1', regexp_matches(name, '1'), tags[1], doc.n from things where id = :v",
    "select name[1:2], id in (1, 2, 3), not flag, -id, id % 2, price * 2 + 1, id // 2 from things where id = :v",
    "select id from things where id in (:v, 1) and id > 59",
    "select list_transform(tags, lambda x: x || '!') from things where id = :v",
    "select list_contains(tags, 'a' || :v) from things where id = :v",
    "select count(*) from things as a join things as b on a.grp = b.grp where a.id < :v",
    "select count(*) from (select id from things where grp = :v union select id from things where flag)",
    "select max(id) from things where name < :v",
    "select count(*), max(id) from things where kind = 'k' || (:v::int % 3)",
    "select id from things where day = date '2026-01-31' + :v::int",
    "select count(*) from empty where grp = :v",
]
APART = {
    "select * from things where id = :v limit 1": "LIMIT",
    "select id from things where grp = :v order by id desc limit 3": "LIMIT",
    "select id from things where id = :v offset 0": "LIMIT",
    "select sum(ratio) from things where grp = :v": "sum()",
    "select max(took) from things where grp = :v": "max()",
    "select first(name) from things where grp = :v": "first()",
    "select list(id order by id) from things where grp = :v": "list()",
    "select string_agg(name) from things where grp = :v": "string_agg()",
    "select arg_max(name, price) from things where grp = :v": "arg_max()",
    "select ratio, count(*) from things where id = :v group by ratio": "GROUP BY",
    "select distinct ratio from things where id = :v": "DISTINCT",
    "select distinct on (grp) id from things where grp = :v": "DISTINCT",
    "select row_number() over () from things where id = :v": "WINDOW",
    "select id from things where id = :v using sample 1": "SAMPLE",
    "select id from things tablesample bernoulli (50%) where id = :v": "SAMPLE",
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < :v::int) select max(n) from r": "RECURSIVE",
    "select t.id from things as t asof join things as o on t.moment >= o.moment where t.id = :v": "ASOF",
    "select random(), id from things where id = :v": "random()",
    "select sum(n) from range(:v::int) as r(n)": "no plan",
    "select uuid(), id from things where id = :v": "uuid()",
    "select now(), id from things where id = :v": "now()",
    "select current_timestamp, id from things where id = :v": "get_current_timestamp()",
    "select year(zoned) from things where id = :v": "year()",
    "select id, r from random_view where id = :v": "random()",
    "select id, r from nested_view where id = :v": "random()",
    "select roll(id) from things where id = :v": "random()",
    "select list_transform(tags, lambda x: x || random()) from things where id = :v": "random()",
    "select * from generated where id = :v": "random()",
    "select typeof(:v), id from things where id = :v": "no type of its own",
    "select [:v, 'x'], id from things where id = :v and word(:v)": "",
    "select id from cased where word = :v": "no type of its own",
    "select id from things where id in (:v*)": ":v is a list",
    "select count(*) from things": "no parameter",
    "select column_name from duckdb_columns() where column_index = :v": "duckdb_columns()",
}
SEVERAL = [
    "select id from things where grp = :v",
    "select id from things where grp = :v order by id desc",
    "select id from things where id = :v union all select -id from things where id = :v",
    "select unnest(tags) from things where id = :v",
    "select grp, count(*) from things where id > :v group by grp",
]
VALUES = ["1", "3", "3", "60", "0", "6", "-1", None, "59", "5", "2"]
READS = Limits(timeout_s=20, read_only=True)

TYPES = {
    "boolean": "true",
    "tinyint": "-5",
    "smallint": "300",
    "integer": "70000",
    "bigint": "9007199254740993",
    "hugeint": "170141183460469231731687303715884105727",
    "utinyint": "200",
    "usmallint": "60000",
    "uinteger": "4000000000",
    "ubigint": "18446744073709551615",
    "uhugeint": "340282366920938463463374607431768211455",
    "float": "0.1",
    "double": "0.30000000000000004",
    "decimal(4,1)": "12.5",
    "decimal(38,10)": "1234567890123456789.0123456789",
    "varchar": " a'b,\n\u20ac ",
    "blob": "\\x00\\xFFa",
    "bit": "10101",
    "uuid": "00000000-0000-0000-0000-00000000000a",
    "date": "2026-02-28",
    "time": "24:00:00",
    "time_ns": "12:00:00.123456789",
    "timetz": "12:00:00+02",
    "timestamp": "2026-02-28 12:00:00.123456",
    "timestamp_s": "2026-02-28 12:00:00",
    "timestamp_ms": "2026-02-28 12:00:00.123",
    "timestamp_ns": "2026-02-28 12:00:00.123456789",
    "timestamptz": "2026-02-28 12:00:00+05",
    "interval": "1 month 2 days 03:04:05.5",
    "integer[]": "[1, NULL, 3]",
    "integer[2]": "[1, 2]",
    "varchar[][]": "[[a], [b, NULL]]",
    "struct(a integer, b varchar)": "{'a': 1, 'b': x}",
    "map(varchar, integer)": "{k=1}",
    "enum('x', 'y z')": "y z",
    "union(n integer, s varchar)": "7",
    "json": '{"a": [1, 1.50]}',
}


def file_of(folder: Path, *statements: str) -> str:
    """The URL of a file with what `statements` make."""
    path = folder / "sets.duckdb"
    with duckdb.connect(str(path)) as base:
        for statement in statements:
            base.execute(statement)
    return f"duckdb:///{path}"


async def opened(url: str) -> Connection:
    """A session."""
    return await open_driver(url, application_name="", read_only=True).connect()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with tables of many types."""
    return file_of(tmp_path_factory.mktemp("sets"), *SCHEMA.split(";\n"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connection(url: str) -> AsyncIterator[Connection]:
    """One session for all queries."""
    session = await opened(url)
    yield session
    await session.close()


async def both(
    connection: Connection, sql: str, sets: Sequence[tuple[object, ...]], decoding: Decoding = Decoding.TEXT
) -> tuple[Reply, Reply]:
    """The replies to `sets` of one execution for each, and of one statement."""
    statement = await connection.prepare(inline(sql, "duckdb"), decoding, typed=False, identifiers={})
    apart = await connection.attempt(statement, sets, READS)
    return apart, await connection.attempt(statement, sets, replace(READS, together=True))


def same(one: Reply, other: Reply) -> bool:
    """Whether two replies are equal to the last bit: 1, 1.0 and True are different."""
    mine, theirs = ([[(type(v), repr(v)) for v in column] for column in reply.values] for reply in (one, other))
    return one.columns == other.columns and list(one.positions) == list(other.positions) and mine == theirs


@pytest.mark.parametrize("decoding", Decoding)
async def test_one_statement_answers_as_many_executions(connection: Connection, decoding: Decoding) -> None:
    """NULL, values that come twice and values without a match included."""
    for sql in TOGETHER:
        apart, together = await both(connection, sql, [(v,) for v in VALUES], decoding)
        assert (apart.together, together.together) == (False, True), sql
        assert same(together, apart), sql


@pytest.mark.parametrize("sql", APART)
async def test_what_may_answer_otherwise_is_executed_set_by_set(connection: Connection, sql: str) -> None:
    """What depends on the order of rows or on the execution, wherever it stands, a list, and a text without a parameter."""
    value = '["1","2"]' if ":v*" in sql else "1"
    sets: list[tuple[object, ...]] = [() if ":v" not in sql else (value,)] * 3
    try:
        statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    except DatabaseError:
        assert not APART[sql]
        return
    reply = await connection.attempt(statement, sets, replace(READS, together=True))
    assert not reply.together
    assert APART[sql] in await connection.why_apart(statement)  # type: ignore[attr-defined]


@pytest.mark.parametrize("sql", SEVERAL)
async def test_a_set_with_several_rows_is_the_end_of_it(connection: Connection, sql: str) -> None:
    """DuckDB loses the order of a set's rows. From then on, the query is executed set by set."""
    sets = [(v,) for v in VALUES if v]
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(DatabaseError, match="several rows") as found:
        await connection.attempt(statement, sets, replace(READS, together=True))
    assert (found.value.together, found.value.position) == (True, None)
    apart = await connection.attempt(statement, sets, READS)
    again = await connection.attempt(statement, sets, replace(READS, together=True))
    assert not again.together
    assert same(again, apart)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def typed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Connection]:
    """A session of a file with a table for each of `TYPES`: two rows with a value, and one with NULL."""
    made: list[str] = []
    for n, (kind, text) in enumerate(TYPES.items()):
        value = text.replace("'", "''")
        made += [
            f"create table every_{n} (id int, v {kind})",
            f"insert into every_{n} select i, case when i < 3 then '{value}'::varchar::{kind} end from range(1, 4) as r(i)",
        ]
    session = await opened(file_of(tmp_path_factory.mktemp("types"), *made))
    yield session
    await session.close()


@pytest.mark.parametrize("kind", TYPES)
async def test_every_type_of_value_and_of_result(typed: Connection, kind: str) -> None:
    """A value is converted to the type that DuckDB finds for it, whatever the other values are; results are equal to the last bit."""
    table = f"every_{list(TYPES).index(kind)}"
    asked: list[tuple[str, list[tuple[object, ...]]]] = [
        (f"select v, [v] as l, {{'v': v}} as s from {table} where id = :v", [("1",), ("3",), (None,), ("2",)]),
        (f"select count(*), min(id) from {table} where v = :v", [(TYPES[kind],), (None,), (TYPES[kind],)]),
        (f"select :v::{kind} as v", [(TYPES[kind],), (None,), (TYPES[kind],)]),
    ]
    for decoding, (sql, sets) in product(Decoding, asked):
        try:
            apart, together = await both(typed, sql, sets, decoding)
        except DatabaseError as error:
            assert error.together or sql.startswith("select count"), str(error)
            continue
        assert same(together, apart)
        assert together.together or "id = :v" not in sql


async def test_the_corpus_is_answered_alike(connection: Connection) -> None:
    """What DuckDB takes as one statement gives the rows of many executions, or fails as a whole."""
    compared = 0  # answers of one statement, with rows
    for case in (*DUCKDB, *(c for c in POSTGRES if c.served)):
        alike, rows = await compare(connection, case)
        assert alike, case.sql
        compared += rows > 0
    assert compared >= LEAST_COMPARED


async def compare(connection: Connection, case: Case) -> tuple[bool, int]:
    """Whether both forms give the same, where there are both, and how many rows one statement gave."""
    try:
        query = replace(case, dialect="duckdb").query()
    except QueryFileError:
        return True, 0  # an operator of PostgreSQL
    names = {p.name: {"tbl": "users", "col": "id", "other": "name"}.get(p.name, "id") for p in query.parameters}
    idents = {name: names[name] for name in case.found.replace("{", " ").replace("}", " ").split() if name in names}
    values = [p for p in query.parameters if p.name not in idents or f"{{{p.name}}}" not in case.found]
    try:
        statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers=idents)
        sets = [tuple(value if p in values else "id" for p in query.parameters) for value in ("1", "2", "9", "1")]
        apart = await connection.attempt(statement, sets, READS)
    except DatabaseError:
        return True, 0  # a write, a list, a value that is none: nothing to compare
    try:
        together = await connection.attempt(statement, sets, replace(READS, together=True))
    except DatabaseError as error:
        return error.together, 0
    return (same(together, apart), len(together.positions)) if together.together else (True, 0)


@pytest.mark.parametrize("value", [1, 1.5, True, b"x"])
async def test_values_of_python_are_not_unified(connection: Connection, value: object) -> None:
    """DuckDB would make one type of a list with several."""
    query = inline("select :v as v", "duckdb")
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [("1",), (value,)], replace(READS, together=True))
    assert found.value.together
    assert (await connection.attempt(statement, [("1",), ("2",)], replace(READS, together=True))).together


async def test_a_null_that_would_change_a_type_fails_the_statement(connection: Connection) -> None:
    """A NULL that is bound alone has no type, so a row of it and a text are other types."""
    query = inline("select id from things where (name, id) = (:v, :v)", "duckdb")
    statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    for value, fails in (("1", False), (None, True)):
        try:
            await connection.attempt(statement, [("1",), (value,)], replace(READS, together=True))
        except DatabaseError as error:
            assert fails
            assert error.together


@pytest.mark.parametrize(
    "sql",
    [
        "select 6 // :v::int as q where :v <> 'x'",
        "select id from things where id = :v",
        "select count(*) from things where grp = :v",
    ],
)
async def test_one_bad_set_fails_the_statement_and_names_nobody(connection: Connection, sql: str) -> None:
    """The session goes on."""
    bad = "0" if "//" in sql else "x"
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    for together in (True, False):
        with pytest.raises(DatabaseError) as found:
            await connection.attempt(statement, [("1",), (bad,), ("2",)], replace(READS, together=together))
        assert (found.value.together, found.value.position) == (together, None if together else 1)
    reply = await connection.attempt(statement, [("1",), ("2",)], replace(READS, together=True))
    assert reply.together


@pytest.mark.parametrize(
    "sql", ["select id from empty where grp = :v", "select id from things where id = :v and grp > 100"]
)
async def test_a_value_that_no_row_is_compared_with(connection: Connection, sql: str) -> None:
    """One statement converts all values first: it fails where an execution for one set may not even look at its value."""
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [("1",), ("x",)], replace(READS, together=True))
    assert found.value.together
    assert not (await connection.attempt(statement, [("1",), ("x",)], READS)).positions


async def test_a_slow_statement_is_given_up(connection: Connection) -> None:
    """Half a second for all sets, whatever the deadline of one is; the session goes on."""
    slow = "select count(*) from things a, things b, things c, things d where a.id + b.id + c.id + d.id > :v::int"
    statement = await connection.prepare(inline(slow, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [(str(i),) for i in range(40)], replace(READS, together=True))
    assert (found.value.together, found.value.sqlstate) == (True, "57014")
    query = inline("select id from things where id = :v", "duckdb")
    statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    assert (await connection.attempt(statement, [("1",), ("2",)], replace(READS, together=True))).together
