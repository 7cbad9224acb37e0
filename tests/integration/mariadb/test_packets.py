"""Several sets in one packet: the same answers, errors and limits as set by set, and nothing else in the packet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bulkq.drivers.dbapi import multi_statement_packet
from bulkq.drivers.dbapi.connection import SqlConnection
from bulkq.errors import DatabaseError, QueryFileError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.mariadb_sessions import DRIVERS, SLEEPS, WRITES, connected, counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import ParameterSet, Reply
    from tests.support.databases import Database

JOINING = [name for name in DRIVERS if name in {"pymysql", "mysqlclient"}]
READS = Limits(timeout_s=10)

QUERIES = {
    "select id, n from t where id = :v": [(1,), (9,), (2,), (None,), (1,)],
    "select :v, n from t order by id desc": [
        (1,),
        ("it's; select 1 -- ",),
        ("back\\slash",),
        (1.5,),
        (None,),
    ],
    "select id from t where id in (:v*) -- the end": [([1, 2],), ([3],)],
    "select id from t where id > :v # the end": [(1,), (3,)],
    "select hex(:v) as h": [(b"\x00\xff';",), (b"",), (None,)],
    "select id, n from t where 1 = 1": [(), ()],
    "/* a; b */ select ';', id from t where id = :v": [(1,), (2,)],
}


@pytest.fixture(params=JOINING)
async def session(base: Database, request: pytest.FixtureRequest) -> AsyncIterator[SqlConnection]:
    """A session whose library can join statements."""
    made = await connected(base, request.param)
    assert isinstance(made, SqlConnection)
    yield made
    await made.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of every packet, how many statements it had."""
    found: list[int] = []
    genuine = multi_statement_packet.results

    def results(cursor: Any, texts: list[bytes], *args: Any, **more: Any) -> Any:
        found.append(len(texts))
        return genuine(cursor, texts, *args, **more)

    monkeypatch.setattr(multi_statement_packet, "results", results)
    return found


async def prepared(session: SqlConnection, sql: str, decoding: Decoding = Decoding.PYTHON) -> SqlStatement:
    """Typed values, as a program gives them."""
    return await session.prepare(inline(sql, "mysql"), decoding, typed=True, identifiers={})


async def attempt(session: SqlConnection, sql: str, sets: Iterable[ParameterSet], limits: Limits = READS) -> Reply:
    """Prepare and attempt."""
    return await session.attempt(await prepared(session, sql), list(sets), limits)


@pytest.mark.parametrize("decoding", Decoding)
@pytest.mark.parametrize("sql", QUERIES)
async def test_answers_are_those_of_single_executions(
    session: SqlConnection, sent: list[int], sql: str, decoding: Decoding
) -> None:
    """Rows, their order, columns and values; also of texts that hold quotes, semicolons and comments."""
    statement = await prepared(session, sql, decoding)
    together = await session.attempt(statement, QUERIES[sql], READS)
    assert sent == [len(QUERIES[sql])]
    statement.shares_packets = False
    assert await session.attempt(statement, QUERIES[sql], READS) == together
    assert len(sent) == 1


async def test_writes_are_counted_by_set(session: SqlConnection, base: Database, sent: list[int]) -> None:
    """Each set has its own number of rows, in the order of the sets, whatever the order of execution."""
    reply = await attempt(
        session,
        "update t set n = n + :d where id >= :i",
        [(1, 4), (1, 1), (1, 9), (1, 3)],
        replace(WRITES, ordered=False),
    )
    assert (list(reply.values[0]), reply.changed, sent) == ([1, 4, 0, 2], 7, [4])
    assert counts(base) == [(1, 1), (2, 1), (3, 2), (4, 3)]


async def test_an_error_names_its_set_and_undoes_all(session: SqlConnection, base: Database, sent: list[int]) -> None:
    """The sets behind it are not executed; the session goes on."""
    with pytest.raises(DatabaseError, match="Duplicate entry") as caught:
        await attempt(session, "insert into t values (:i, 5)", [(7,), (8,), (2,), (9,)], WRITES)
    assert (caught.value.position, caught.value.sqlstate, sent) == (2, "23000", [4])
    assert counts(base) == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert (await attempt(session, "select n from t where id = :i", [(1,), (2,)])).values == [(0, 0)]


async def test_a_value_that_cannot_be_sent_names_its_set(session: SqlConnection, sent: list[int]) -> None:
    """What stands before it was sent."""
    with pytest.raises(DatabaseError, match="lone surrogate") as caught:
        await attempt(session, "select :v", [("a",), ("b",), ("\ud800",), ("c",)])
    assert (caught.value.position, sent) == (2, [2])


async def test_a_statement_that_is_too_slow_names_its_set(session: SqlConnection) -> None:
    """The server counts the time of each statement, not that of the packet."""
    limits = Limits(timeout_s=0.5)
    with pytest.raises(DatabaseError, match="max_statement_time") as caught:
        await attempt(session, "select sleep(:s) from t where id = 1", [(0,), (0,), (30,), (0,)], limits)
    assert (caught.value.position, caught.value.sqlstate) == (2, "57014")


async def test_a_packet_that_takes_longer_than_one_statement_may(session: SqlConnection, sent: list[int]) -> None:
    """An answer could be one that the server ended quietly, so the sets are executed again, one by one."""
    limits = Limits(timeout_s=1.0)
    reply = await attempt(session, "select sleep(:s) from t where id = 1", [(0.4,)] * 4, limits)
    assert (reply.values, sent) == ([(0, 0, 0, 0)], [4])


async def test_a_quiet_end_is_a_timeout(session: SqlConnection) -> None:
    """BENCHMARK that met the limit gives 0."""
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempt(session, "select benchmark(:n, md5('a'))", [(1,), (10**12,), (1,)], Limits(timeout_s=0.5))
    assert caught.value.position == 1


async def test_a_warning_is_read_set_by_set(session: SqlConnection, base: Database, sent: list[int]) -> None:
    """In strict mode a DELETE that compares a cut text fails for its set; a query that warned is not joined again."""
    statement = await session.prepare(
        inline("delete from t where id = :i", "mysql"), Decoding.PYTHON, typed=False, identifiers={}
    )
    with pytest.raises(DatabaseError, match="2x") as caught:
        await session.attempt(statement, [("1",), ("3",), ("2x",), ("4",)], WRITES)
    assert (caught.value.position, sent) == (2, [4])
    assert len(counts(base)) == 4
    assert (await session.attempt(statement, [("1",), ("2",)], WRITES)).changed == 2
    assert sent == [4]


async def test_a_cancellation_ends_the_packet(session: SqlConnection, base: Database) -> None:
    """What is running is killed, the rest is not executed, and the session goes on."""
    statement = await prepared(session, "update t set n = sleep(:s) + 1 where id = :i")
    task = asyncio.create_task(session.attempt(statement, [(0, 1), (30, 2), (30, 3)], WRITES))
    find = f"select 1 from information_schema.processlist where {SLEEPS.replace('do sleep', 'update t set n')}"
    while not await asyncio.to_thread(base.execute, find):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts(base) == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert (await attempt(session, "select n from t where id = :i", [(1,), (2,)])).values == [(0, 0)]


async def test_large_sets_travel_in_several_packets(session: SqlConnection, sent: list[int]) -> None:
    """A packet has at most 256 KB and 500 sets; a larger set has one of its own."""
    texts = ["a" * 100_000, "b" * 100_000, "c" * 100_000, "d" * 400_000, "e"]
    reply = await attempt(session, "select length(:v), :v", [(text,) for text in texts])
    assert (list(reply.values[1]), sent) == (texts, [1, 1, 1, 1, 1])
    sent.clear()
    assert len((await attempt(session, "select :v", [(n,) for n in range(1_200)])).positions) == 1_200
    assert sent == [500, 500, 200]


@pytest.mark.parametrize(
    "sql", ["select 1; drop table t", "select 1; -- a\nselect 2", "select ';' ; /* b */ ; update t set n = 1"]
)
def test_a_text_of_several_statements_is_refused(sql: str) -> None:
    """Before anything is sent."""
    with pytest.raises(QueryFileError, match="two statements"):
        inline(sql, "mysql")
