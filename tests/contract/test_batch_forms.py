"""A batch of reads as one statement gives what one execution for each set gives: the same rows, values, types, names and order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.drivers.asyncpg.connection import AsyncpgConnection
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, StatementClass
from bulkq.query import inline
from tests.support.corpus import POSTGRES, POSTGRES_SCHEMA
from tests.support.databases import DRIVERS, driver_of, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.corpus import Case
    from tests.support.databases import Database

SCHEMA = """
create table things(id int primary key, grp int, name varchar(20), note text, price numeric(12,4), at timestamptz, day date, tags text[],
  doc jsonb, ratio float8, small float4, raw bytea, flag bool, took interval);
insert into things select i, nullif(i % 7, 0), 'name ' || i, case when i % 5 > 0 then 'note' || i end, i * 1.0625,
  timestamptz '2026-01-31 22:00+01' + i * interval '1 hour', date '2026-01-31' + i, array['a' || i, null, 'b"c'],
  jsonb_build_object('n', i, 'list', jsonb_build_array(i, null)), i / 3.0, i / 3.0, decode(lpad(to_hex(i), 8, '0'), 'hex'), i % 2 = 0,
  i * interval '90 minutes' from generate_series(1, 60) as i;
create view plain_view as select id, name from things where flag;
create view random_view as select id, name, random() as r from things;
create view limited_view as select id, name from things order by id limit (random() * 0 + 60)::int;
create view nested_view as select id, r from random_view;
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create function roll(int) returns float8 language sql volatile as 'select random() + $1';
create function dice(things) returns float8 language sql volatile as 'select random()';
create table secret(id int primary key, owner name);
insert into secret select i, current_user from generate_series(1, 9) as i;
alter table secret enable row level security;
create policy own on secret using (owner = current_user)
"""
ROWS = """
insert into users (id, name, email, phone, active, tags, nums, doc, score, parent_id) select i, i::text, i || '@example.org', '00' || i, true,
  array['1', i::text], array[1, i], jsonb_build_object('a', i::text), i * 1.25, i - 1 from generate_series(1, 5) as i;
insert into orders (id, user_id, total, status, placed) select i, 1 + i % 5, i, '1', date '2026-01-01' + i from generate_series(1, 20) as i
"""
LEAST_COMPARED = 10
TOGETHER = [
    "select * from things where id = :v",
    "select id, name from things where grp = :v order by id desc limit 3",
    "select id from things where grp = :v order by name, id offset 1",
    "select count(*), sum(price), max(name), array_agg(id order by id) from things where grp = :v",
    "select :v::int as a, :v::text as a, null as b",
    "with w as (select * from things where id <= :v) select w.id, t.name from w join things as t using (id) order by 1",
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < least(:v::int, 9)) select n from r order by n",
    "select id, (select count(*) from things as o where o.grp = t.grp) as same from things as t where id = :v",
    "select generate_series(1, least(:v::int, 4)) as n, :v::int as v",
    "select id, twice(id) from things where id = :v",
    "select * from plain_view where id = :v",
    "select grp, count(*) from things where id > :v group by grp having count(*) > 1 order by grp nulls first",
    "select distinct on (grp) grp, id from things where id > :v order by grp, id",
    "select id, row_number() over (partition by grp order by id) from things where id > :v order by id limit 5",
    "values (:v::int, 'x'), (:v::int + 1, 'y')",
    "select id from things where id = :v union all select -id from things where id = :v",
    "select now() - at > interval '1 second', current_date is not null from things where id = :v",
    "select doc -> 'n', doc ->> 'n', tags[1], doc @> jsonb_build_object('n', :v::int) from things where id = :v -- a remark",
    "select t.id, o.id from things t left join lateral (select id from things where grp = t.grp order by id limit 2) o on true where t.id = :v",
]
APART = [
    ("select random(), :v::int as v", "the text names random(), which is volatile"),
    ("select id, roll(id) from things where id = :v", "the text names roll(), which is volatile"),
    ("select id, dice(t) from things as t where id = :v", "the text names dice(), which is volatile"),
    ("select id, t.dice from things as t where id = :v", "the text names dice(), which is volatile"),
    ("select id, r from random_view where id = :v", "random_view is a view with a sample or a volatile function"),
    ("select id, r from nested_view where id = :v", "random_view is a view with a sample or a volatile function"),
    ("select id from limited_view where id = :v", "limited_view is a view with a sample or a volatile function"),
    ("select id from secret where id = :v", "secret has row security"),
    ("select id, (select random()) from things where id = :v", "the text names random(), which is volatile"),
    ("select statement_timestamp(), :v::int as v", "the text names statement_timestamp(), which is volatile"),
    (
        "select id from things tablesample bernoulli (100) where id = :v",
        "the text names bernoulli(), which is volatile",
    ),
    (
        "select bulkq_sets_v1 from (select id as bulkq_sets_v1 from things) as bulkq_sets where bulkq_sets.bulkq_sets_v1 = :v",
        "the text has the name bulkq_sets, which stands for the parameter sets",
    ),
    ("select clock_timestamp(), :v::int as v", "the text names clock_timestamp(), which is volatile"),
    ("select id from things where id in (:v*)", ":v is a list"),
    ("select count(*) from things", "it has no parameter"),
    ("show server_version", "it has no parameter"),
]
VALUES = ["1", "3", "3", "60", "0", "6", "-1", None, "59", "5", "2"]
READS = Limits(timeout_s=5, read_only=True)


def able(name: str) -> bool:
    """Whether a driver executes the sets of a batch together."""
    line = DRIVERS[name]
    if line.kind != "postgresql":
        return False
    url = f"{line.scheme}://user@127.0.0.1/db"
    return open_driver(url, application_name="", read_only=True).capabilities.sets_together


@pytest.fixture(scope="module", params=[name for name in DRIVERS if able(name)])
def database(request: pytest.FixtureRequest) -> tuple[str, Database]:
    """A database with tables of many types, once for each driver."""
    base = fresh("postgresql", request)
    base.execute(*(part for part in f"{SCHEMA};\n{POSTGRES_SCHEMA};\n{ROWS}".split(";\n") if part.strip()))
    return request.param, base


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connection(database: tuple[str, Database]) -> AsyncIterator[Connection]:
    """A session of a driver that executes sets together."""
    session = await driver_of(database[1], database[0]).connect()
    yield session
    await session.close()


async def both(
    connection: Connection, sql: str, sets: Sequence[tuple[object, ...]], decoding: Decoding, *, typed: bool = False
) -> tuple[Reply, Reply]:
    """The replies to `sets` of one execution for each, and of one statement."""
    statement = await connection.prepare(inline(sql, "postgres"), decoding, typed=typed, identifiers={})
    apart = await connection.attempt(statement, sets, READS)
    together = await connection.attempt(statement, sets, replace(READS, together=True))
    return apart, together


def same(one: Reply, other: Reply) -> bool:
    """Whether two replies are equal to the last bit: 1, 1.0 and True are different."""
    mine, theirs = ([[(type(v), repr(_whole(v))) for v in column] for column in reply.values] for reply in (one, other))
    return one.columns == other.columns and list(one.positions) == list(other.positions) and mine == theirs


def _whole(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("decoding", Decoding)
async def test_one_statement_answers_as_many_executions(connection: Connection, decoding: Decoding) -> None:
    """NULL, values that come twice, none that match and many rows included."""
    for sql in TOGETHER:
        apart, together = await both(connection, sql, [(v,) for v in VALUES], decoding)
        assert (apart.together, together.together) == (False, True), sql
        assert same(together, apart), sql


ODD = [
    "",
    " ",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "a,b",
    "{a}",
    "{",
    "'",
    "ä\U0001f600",
    "a\nb",
    "\t",
    "%s $1 :v",
    None,
    "x",
]


async def test_texts_with_characters_of_arrays_stay_as_they_are(
    connection: Connection, database: tuple[str, Database]
) -> None:
    """Quotes, backslashes, commas and braces, and NULL beside the text of that name, also where arrays hold no NULL."""
    sql, sets = "select :v::text as v, :v::text is null as n, :w::text as w", [(v, "w") for v in ODD]
    apart, together = await both(connection, sql, sets, Decoding.TEXT)
    assert together.together
    assert same(together, apart)
    assert list(together.values[0]) == ODD
    name, base = database
    setting = f"alter database {base.place.rpartition('/')[2]} %s array_nulls%s"
    base.execute(setting % ("set", " = off"))
    session = await driver_of(base, name).connect()
    try:
        apart, together = await both(session, sql, sets, Decoding.TEXT)
    finally:
        base.execute(setting % ("reset", ""))
        await session.close()
    assert not together.together
    assert same(together, apart)
    assert list(together.values[0]) == ODD


@pytest.mark.parametrize("sql", TOGETHER)
async def test_typed_values_are_answered_alike(connection: Connection, sql: str) -> None:
    """As the Python API and typed files give them."""
    sets = [(v if v is None else int(v),) for v in VALUES]
    if ":v::text" in sql:
        pytest.skip("the server takes the parameter for a text")
    apart, together = await both(connection, sql, sets, Decoding.PYTHON, typed=True)
    assert together.together or not isinstance(connection, AsyncpgConnection)
    assert same(together, apart)


@pytest.mark.parametrize(("sql", "why"), APART)
async def test_what_would_answer_otherwise_is_executed_set_by_set(connection: Connection, sql: str, why: str) -> None:
    """A volatile function, wherever it is called, row security, a sample, a list, and a text without a parameter."""
    value = '["1","2"]' if "*)" in sql else "1"
    sets: list[tuple[object, ...]] = [() if ":v" not in sql else (value,)] * 3
    statement = await connection.prepare(inline(sql, "postgres"), Decoding.TEXT, typed=False, identifiers={})
    reply = await connection.attempt(statement, sets, replace(READS, together=True))
    assert not reply.together
    assert isinstance(connection, BaseConnection)
    assert await connection.why_apart(statement) == why


async def test_the_corpus_is_answered_alike(connection: Connection) -> None:
    """What the server takes as one statement gives the rows of many executions, or fails as a whole."""
    compared = 0  # answers of one statement, with rows
    for case in POSTGRES:
        if case.served and case.statement in {StatementClass.READ, StatementClass.WRITE}:
            alike, rows = await compare(connection, case)
            assert alike, case.sql
            compared += rows > 0
    assert compared >= LEAST_COMPARED


async def compare(connection: Connection, case: Case) -> tuple[bool, int]:
    """Whether both forms give the same, where there are both, and how many rows one statement gave."""
    query = case.query()
    names = {p.name: {"tbl": "users", "col": "id", "other": "name"}.get(p.name, "id") for p in query.parameters}
    idents = {name: names[name] for name in case.found.replace("{", " ").replace("}", " ").split() if name in names}
    values = [p for p in query.parameters if p.name not in idents or f"{{{p.name}}}" not in case.found]
    try:
        statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers=idents)
        sets = [tuple(value if p in values else "id" for p in query.parameters) for value in ("1", "2", "9", "1")]
        apart = await connection.attempt(statement, sets, READS)
        again = await connection.attempt(statement, sets, READS)
    except DatabaseError:
        return True, 0  # a write, a list, a value that is none: nothing to compare
    try:
        together = await connection.attempt(statement, sets, replace(READS, together=True))
    except DatabaseError as error:
        return error.together, 0
    if not together.together or not same(again, apart):  # now() is another one
        return True, 0
    return same(together, apart), len(together.positions)


async def test_one_bad_set_fails_the_statement_and_names_nobody(connection: Connection) -> None:
    """The caller executes the sets one by one then."""
    statement = await connection.prepare(
        inline("select 6 / :v::int as q", "postgres"), Decoding.TEXT, typed=False, identifiers={}
    )
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [("1",), ("0",), ("2",)], replace(READS, together=True))
    assert found.value.together
    assert found.value.position is None
    assert not found.value.connection_lost
    with pytest.raises(DatabaseError) as alone:
        await connection.attempt(statement, [("1",), ("0",), ("2",)], READS)
    assert (alone.value.together, alone.value.position) == (False, 1)


async def test_a_slow_statement_is_given_up(connection: Connection, database: tuple[str, Database]) -> None:
    """Half a second for all sets, whatever the deadline of one is; the session goes on."""
    del database
    slow = "select count(*) from generate_series(1, 3000000 + :v::int) as n"
    statement = await connection.prepare(inline(slow, "postgres"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [("1",)] * 40, replace(READS, together=True))
    assert found.value.together
    assert found.value.sqlstate == "57014"
    reply = await connection.attempt(statement, [("1",)], READS)
    assert list(reply.values[0]) == [3000001]
