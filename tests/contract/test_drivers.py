"""What every driver promises, over every driver. What only one of them can do is in a folder of its own below tests/integration."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bulkq.dialects import dialect_for
from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError, TargetError
from bulkq.model import (
    Decoding,
    Limits,
    Mode,
    Parameter,
    Phase,
    Placeholder,
    PlaceholderKind,
    Query,
    StatementClass,
)
from tests.support.databases import DRIVERS, KINDS, driver_of, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bulkq.protocols import Connection, Driver, Statement
    from tests.support.databases import Database

SCHEMA = """
create table items (id integer primary key, name text not null, qty integer check (qty >= 0));
insert into items values (1, 'one', 10), (2, 'two', 20), (3, 'three', 30), (4, 'four', null);
"""
CANCELED = {"57014", "SQLITE_INTERRUPT"}
READS = Limits(timeout_s=5, read_only=True)
WRITES = Limits(timeout_s=5, read_only=False)
ORDER = re.compile(
    r"(?P<list>(?P<not>not\s+)?in\s*\(:(?P<many>\w+)\*\))|(?<!:):\{(?P<ident>\w+)\}|(?<![:\w]):(?P<one>[a-z]\w*)",
    re.IGNORECASE,
)
FIRST_WORD = {
    "insert": StatementClass.WRITE,
    "update": StatementClass.WRITE,
    "delete": StatementClass.WRITE,
    "create": StatementClass.DDL,
}


def query(sql: str, **types: str | None) -> Query:
    """A query as `bulkq.query` would make it of plain test SQL; `types` are declared parameter types."""
    places: list[Placeholder] = []
    for found in ORDER.finditer(sql):
        kind = PlaceholderKind.VALUE
        if found["many"]:
            kind = PlaceholderKind.LIST
        elif found["ident"]:
            kind = PlaceholderKind.IDENTIFIER
        name = found["many"] or found["ident"] or found["one"]
        places.append(Placeholder(name, kind, found.start(), found.end(), bool(found["not"])))
    kinds = {place.name: place.kind for place in places}
    parameters = tuple(Parameter(name, kind, types.get(name)) for name, kind in kinds.items())
    verb = sql.split(maxsplit=1)[0]
    statement = FIRST_WORD.get(verb.lower(), StatementClass.READ)
    mode = Mode.WRITE if statement is StatementClass.WRITE else None
    return Query("test", sql, parameters, tuple(places), statement=statement, mode=mode, verb=verb.upper())


@dataclass(frozen=True)
class Target:
    """One database with the table `items`, looked at from outside of the driver under test."""

    driver: str
    base: Database

    @property
    def kind(self) -> str:
        """Of the database: postgresql, sqlite, duckdb, mariadb."""
        return self.base.kind

    @property
    def url(self) -> str:
        """For the driver under test."""
        return self.base.url(DRIVERS[self.driver].scheme)

    @property
    def slow(self) -> str:
        """A query of one integer parameter that takes far longer than a second."""
        return KINDS[self.kind].slow

    async def fetch(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of `sql`, by a database library itself."""
        return await asyncio.to_thread(self.base.execute, sql)


@pytest.fixture(params=DRIVERS)
def target(request: pytest.FixtureRequest) -> Target:
    """A fresh database per test."""
    base = fresh(DRIVERS[request.param].kind, request)
    base.execute(*(part for part in SCHEMA.split(";\n") if part.strip()))
    return Target(request.param, base)


@pytest.fixture
def driver(target: Target) -> Driver:
    """The driver under test, able to write."""
    return driver_of(target.base, target.driver)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(driver: Driver) -> AsyncIterator[Connection]:
    """A session of it."""
    session = await driver.connect()
    yield session
    await session.close()


async def prepared(
    connection: Connection,
    wanted: Query,
    decoding: Decoding = Decoding.PYTHON,
    *,
    typed: bool = False,
    identifiers: Mapping[str, str] | None = None,
) -> Statement:
    """Shorter to write."""
    return await connection.prepare(wanted, decoding, typed=typed, identifiers=identifiers or {})


async def test_says_where_it_is_connected(driver: Driver, connection: Connection, target: Target) -> None:
    """`server` names product and version, and the driver names its target without reading it."""
    assert connection.server.product == KINDS[target.kind].product
    assert connection.server.version_number > 20000
    assert connection.server.version
    assert driver.target
    assert driver.capabilities.name


async def test_text_values_find_their_rows_in_order(connection: Connection) -> None:
    """Text from a file is converted by the database; every row says which set it answers; a set without rows has none."""
    statement = await prepared(connection, query("select id, name from items where id = :id"))
    reply = await connection.attempt(statement, [("3",), ("99",), ("1",), ("2",)], READS)
    assert list(reply.positions) == [0, 2, 3]
    assert [list(column) for column in reply.values] == [[3, 1, 2], ["three", "one", "two"]]
    assert [column.name for column in reply.columns] == ["id", "name"]
    assert not reply.errors


async def test_typed_values_find_their_rows(connection: Connection) -> None:
    """Python values are bound as they are."""
    statement = await prepared(connection, query("select name from items where id = :id and name = :name"), typed=True)
    reply = await connection.attempt(statement, [(1, "one"), (2, "one"), (3, "three")], READS)
    assert list(reply.positions) == [0, 2]
    assert [list(column) for column in reply.values] == [["one", "three"]]


async def test_a_parameter_may_stand_in_several_places(connection: Connection) -> None:
    """One value is bound once and used everywhere."""
    statement = await prepared(connection, query("select id from items where id = :id or qty = :id"))
    reply = await connection.attempt(statement, [("1",), ("20",)], READS)
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 1), (1, 2)]


async def test_null_is_null(connection: Connection) -> None:
    """None is SQL NULL in parameters, and NULL is None in results."""
    statement = await prepared(
        connection, query("select id, qty from items where qty is null and coalesce(:name, 'x') = 'x'")
    )
    reply = await connection.attempt(statement, [(None,), ("y",)], READS)
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 4, None)]


async def test_lists(connection: Connection) -> None:
    """`IN (:ids*)` and `NOT IN (:ids*)` take a JSON array as text."""
    statement = await prepared(connection, query("select id from items where id in (:ids*) order by id"))
    reply = await connection.attempt(statement, [("[3, 1]",), ("[2]",)], READS)
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 1), (0, 3), (1, 2)]
    statement = await prepared(
        connection, query("select id from items where id not in (:ids*) order by id"), typed=True
    )
    reply = await connection.attempt(statement, [([1, 2],)], READS)
    assert [list(column) for column in reply.values] == [[3, 4]]


async def test_identifiers_are_quoted(connection: Connection) -> None:
    """`:{name}` takes a name that the catalog has, however it is spelled, and nothing else."""
    wanted = query("select id from :{table} where :{column} = :name")
    statement = await prepared(connection, wanted, identifiers={"table": "items", "column": "name"})
    reply = await connection.attempt(statement, [("items", "name", "two")], READS)
    assert [list(column) for column in reply.values] == [[2]]
    for hostile in ("items; drop table items; --", 'items" where 1=1 --', ""):
        with pytest.raises(DatabaseError, match="table") as caught:
            await prepared(connection, wanted, identifiers={"table": hostile, "column": "name"})
        assert caught.value.phase is Phase.PREPARING
        assert not caught.value.connection_lost


async def test_a_hostile_name_that_exists_works(connection: Connection, target: Target) -> None:
    """A table may be called anything; quoting holds."""
    name = 'we"ird; drop table items'
    spelled = dialect_for(KINDS[target.kind].dialect).identifier(name)
    made = await prepared(connection, query(f"create table {spelled} (id integer)"))
    await connection.attempt(made, [()], WRITES)
    wanted = query("select count(*) from :{table}")
    statement = await prepared(connection, wanted, identifiers={"table": name})
    reply = await connection.attempt(statement, [(name,)], READS)
    assert [list(column) for column in reply.values] == [[0]]
    assert await target.fetch("select count(*) from items") == [(4,)]


async def test_duplicate_column_names(connection: Connection) -> None:
    """Two result columns of one name both arrive."""
    statement = await prepared(connection, query("select id as a, name as a from items where id = :id"))
    reply = await connection.attempt(statement, [("1",)], READS)
    assert [column.name for column in reply.columns] == ["a", "a"]
    assert [list(column) for column in reply.values] == [[1], ["one"]]


async def test_writes_count_their_rows(connection: Connection, target: Target) -> None:
    """A write without RETURNING gives one row with its count per set, and the sum."""
    statement = await prepared(connection, query("update items set qty = :qty where id >= :low"))
    assert statement.returns_rows is False
    reply = await connection.attempt(statement, [("7", "3"), ("8", "4"), ("9", "50")], WRITES)
    assert reply.changed == 3
    assert [column.name for column in reply.columns] == ["rowcount"]
    assert [list(column) for column in reply.values] == [[2, 1, 0]]
    assert list(reply.positions) == [0, 1, 2]
    assert await target.fetch("select qty from items order by id") == [(10,), (20,), (7,), (8,)]


async def test_unordered_writes_keep_their_positions(connection: Connection, target: Target) -> None:
    """Where the driver may sort the sets, rows still come back in input order and name the right set."""
    verb = (
        "delete from items" if target.kind == "mariadb" else "update items set qty = qty + 1"
    )  # MariaDB's UPDATE gives nothing
    statement = await prepared(connection, query(f"{verb} where id = :id returning id"))
    limits = Limits(timeout_s=5, read_only=False, ordered=False)
    reply = await connection.attempt(statement, [("3",), ("1",), ("99",), ("2",)], limits)
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 3), (1, 1), (3, 2)]
    assert reply.changed == 3


async def test_unordered_writes_with_nulls(connection: Connection, target: Target) -> None:
    """NULL among the sorted values is no obstacle."""
    statement = await prepared(connection, query("insert into items (id, name, qty) values (:id, 'new', :qty)"))
    limits = Limits(timeout_s=5, read_only=False, ordered=False)
    reply = await connection.attempt(statement, [("12", None), ("11", "5"), ("10", None)], limits)
    assert reply.changed == 3
    assert await target.fetch("select id, qty from items where id >= 10 order by id") == [
        (10, None),
        (11, 5),
        (12, None),
    ]


async def test_a_statement_outside_a_transaction_writes_after_a_read(connection: Connection, target: Target) -> None:
    """Nothing that keeps a read from writing is left in the session."""
    read = await prepared(connection, query("select count(*) as n from items"))
    await connection.attempt(read, [()], READS)
    alone = replace(query("update items set qty = 11 where id = 1"), transaction=False)
    write = await prepared(connection, alone)
    await connection.attempt(write, [()], WRITES)
    assert await target.fetch("select qty from items where id = 1") == [(11,)]


async def test_returning_gives_rows(connection: Connection) -> None:
    """RETURNING rows come with their positions."""
    statement = await prepared(connection, query("insert into items (id, name) values (:id, :name) returning id, name"))
    reply = await connection.attempt(statement, [("11", "a"), ("12", "b")], WRITES)
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 11, "a"), (1, 12, "b")]
    assert reply.changed == 2


async def test_a_write_is_all_or_nothing_and_names_the_culprit(connection: Connection, target: Target) -> None:
    """A violated constraint undoes the whole attempt; the error says which set it was; the session goes on."""
    statement = await prepared(connection, query("update items set qty = :qty where id = :id"))
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1", "1"), ("2", "2"), ("-1", "3"), ("4", "4")], WRITES)
    assert caught.value.position == 2
    assert caught.value.phase is Phase.SENT
    assert caught.value.sqlstate
    assert not caught.value.connection_lost
    assert await target.fetch("select qty from items order by id") == [(10,), (20,), (30,), (None,)]
    reply = await connection.attempt(statement, [("1", "1")], WRITES)
    assert reply.changed == 1


async def test_a_mistake_in_the_text_has_its_offset(connection: Connection) -> None:
    """Preparing tells what is wrong before anything runs."""
    with pytest.raises(DatabaseError) as caught:
        await prepared(connection, query("select id, nosuch from items where id = :id"))
    assert caught.value.phase is Phase.PREPARING
    assert "nosuch" in str(caught.value)
    assert not caught.value.connection_lost
    statement = await prepared(connection, query("select id from items where id = :id"))
    assert (await connection.attempt(statement, [("1",)], READS)).values


async def test_reads_cannot_write(connection: Connection, target: Target) -> None:
    """Under `read_only` the database itself refuses a change."""
    statement = await prepared(connection, query("delete from items where id = :id"))
    with pytest.raises(DatabaseError) as caught:
        reply = await connection.attempt(statement, [("1",)], READS)
        raise DatabaseError(reply.errors[0].message, sqlstate=reply.errors[0].sqlstate, phase=Phase.SENT)
    assert caught.value.sqlstate in {"25006", "SQLITE_READONLY"}
    assert await target.fetch("select count(*) from items") == [(4,)]


async def test_a_read_only_driver_never_writes(target: Target) -> None:
    """What was opened read-only stays so, whatever the limits of an attempt say."""
    session = await open_driver(target.url, application_name="bulkq test", read_only=True).connect()
    try:
        statement = await prepared(session, query("delete from items where id = :id"))
        with pytest.raises(DatabaseError):
            await session.attempt(statement, [("1",)], WRITES)
    finally:
        await session.close()
    assert await target.fetch("select count(*) from items") == [(4,)]


async def test_a_slow_query_ends_with_its_timeout(connection: Connection, target: Target) -> None:
    """The deadline per query is enforced by the database, and the session is usable afterwards."""
    statement = await prepared(connection, query(target.slow))
    started = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseError) as caught:
        reply = await connection.attempt(statement, [("1",)], Limits(timeout_s=0.2))
        raise DatabaseError(reply.errors[0].message, sqlstate=reply.errors[0].sqlstate, phase=Phase.SENT)
    assert caught.value.sqlstate in CANCELED
    assert asyncio.get_running_loop().time() - started < 4
    again = await prepared(connection, query("select id from items where id = :id"))
    assert [list(column) for column in (await connection.attempt(again, [("1",)], READS)).values] == [[1]]


async def test_cancelling_the_task_cancels_the_query(connection: Connection, target: Target) -> None:
    """A cancelled attempt ends at once, and what it ran ends too."""
    statement = await prepared(connection, query(target.slow))
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(connection.attempt(statement, [("1",)], Limits(timeout_s=60)))
    _, waiting = await asyncio.wait([task], timeout=0.3)
    assert waiting
    started = loop.time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loop.time() - started < 4
    await connection.close()
    assert loop.time() - started < 6


async def test_a_stream_gives_every_row(driver: Driver, connection: Connection) -> None:
    """A big result arrives in pieces that are whole together; all rows belong to set 0."""
    numbers = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select i from c"
    statement = await prepared(connection, query(numbers, n="integer"))
    last = "12000" if driver.capabilities.text_parameters else 12000
    pieces = [piece async for piece in connection.stream(statement, (last,), READS)]
    assert len(pieces) > 1
    assert [i for piece in pieces for i in piece.values[0]] == list(range(1, 12001))
    assert {p for piece in pieces for p in piece.positions} == {0}
    assert all([c.name for c in piece.columns] == ["i"] for piece in pieces)


async def test_an_abandoned_stream_leaves_the_session_usable(connection: Connection) -> None:
    """Leaving a stream early ends its query."""
    numbers = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 100000) select i from c"
    statement = await prepared(connection, query(numbers))
    stream = connection.stream(statement, (), READS)
    async for _ in stream:
        break
    await stream.aclose()
    again = await prepared(connection, query("select id from items where id = :id"))
    assert [list(column) for column in (await connection.attempt(again, [("1",)], READS)).values] == [[1]]


async def test_a_stream_reports_errors(connection: Connection) -> None:
    """An error in the middle of a stream is a DatabaseError like any other."""
    statement = await prepared(connection, query("delete from items"))
    with pytest.raises(DatabaseError):
        _ = [piece async for piece in connection.stream(statement, (), READS)]


async def test_json_and_text_decoding_of_plain_values(connection: Connection) -> None:
    """Integers, text and NULL are the same in every decoding."""
    for decoding in Decoding:
        statement = await prepared(connection, query("select id, name, qty from items where id = :id"), decoding)
        reply = await connection.attempt(statement, [("4",)], READS)
        assert [list(column) for column in reply.values] == [[4], ["four"], [None]]
        assert not any(column.raw for column in reply.columns)


async def test_preparing_twice_is_the_same_statement(connection: Connection) -> None:
    """Lanes prepare before every batch, so it has to cost nothing."""
    wanted = query("select id from items where id = :id")
    assert await prepared(connection, wanted) is await prepared(connection, wanted)


async def test_an_empty_result_still_has_columns(connection: Connection) -> None:
    """No rows: as many empty columns as the statement has."""
    statement = await prepared(connection, query("select id, name from items where id = :id"))
    reply = await connection.attempt(statement, [("98",), ("99",)], READS)
    assert [column.name for column in reply.columns] == ["id", "name"]
    assert [list(column) for column in reply.values] == [[], []]
    assert list(reply.positions) == []


async def test_no_such_database(target: Target) -> None:
    """A database that is not there is a TargetError that names it, and nothing is created."""
    url = re.sub(r"[^/]*$", "nosuchdatabase", target.url)
    with pytest.raises(TargetError, match="nosuchdatabase"):
        await open_driver(url, application_name="bulkq test", read_only=False).connect()


async def test_closing_twice_does_no_harm(driver: Driver) -> None:
    """`close` may be called again, and after it nothing works."""
    session = await driver.connect()
    await session.close()
    await session.close()
    with pytest.raises(DatabaseError) as caught:
        await prepared(session, query("select 1 as x"))
    assert caught.value.connection_lost
