"""Prepared statements, their columns and mistakes; values; timeouts of single sets."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from bulkq.errors import BulkqError, DatabaseError, UsageError
from bulkq.model import Decoding, Limits, Phase
from tests.support.sqlite_sessions import ENDLESS, READS, WRITES, asked, outside, rows, run

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.connection import SqliteConnection


# what is learned before execution


async def test_preparing_executes_nothing(db: SqliteConnection, path: Path) -> None:
    """Neither a write nor an endless query runs while it is prepared."""
    started = time.monotonic()
    for sql in (
        "delete from t",
        "insert into t values (7, 'x', 1) returning id",
        ENDLESS,
        "pragma user_version = 3",
        "vacuum",
    ):
        await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={})
    assert time.monotonic() - started < 2
    assert outside(path, "select count(*) from t") == [(3,)]
    assert outside(path, "pragma user_version") == [(0,)]


@pytest.mark.parametrize(
    ("sql", "columns", "returns_rows"),
    [
        ("select id, v as name from t", ["id", "name"], True),
        ("select id from t order by id limit 3 -- three", ["id"], True),
        ("values (1, 2)", ["column1", "column2"], True),
        ("select 1 as a, 2 as a", ["a", "a"], True),
        ("with x as (select 1 as y) select y, count(*) from x", ["y", "count(*)"], True),
        ("select v from t union select :x order by 1", ["v"], True),
        (ENDLESS, ["n"], True),
        ("update t set v = :v", ["rowcount"], False),
        ("create table z (a)", ["rowcount"], False),
        ("delete from t returning id", [], True),
        ("pragma table_info(t)", [], None),
    ],
)
async def test_columns_are_known(db: SqliteConnection, sql: str, columns: list[str], returns_rows: bool | None) -> None:
    """Columns of a query, and whether it returns rows, are told without executing it."""
    statement = await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={})
    assert [c.name for c in statement.columns] == columns
    assert statement.returns_rows is returns_rows
    assert not statement.single


@pytest.mark.parametrize(
    ("sql", "words", "offset"),
    [
        ("select * from t whre id = :id", "syntax error", 21),
        ("select id,\n  nosuch from t where id = :id", "no such column: nosuch", 13),
        ("select :a, :b, nope(:a)", "no such function: nope", 15),
        ("select * from absent", "no such table: absent", 14),
        ("select (1", "incomplete input", 9),
        ("select id from t where id = :id and", "incomplete input", 35),
    ],
)
async def test_mistakes_have_their_place(db: SqliteConnection, sql: str, words: str, offset: int) -> None:
    """SQLite's message and, where it names a word, the offset in the author's text."""
    with pytest.raises(DatabaseError, match=words) as caught:
        await run(db, sql, [("1",)])
    assert (caught.value.sqlstate, caught.value.phase, caught.value.offset) == ("SQLITE_ERROR", Phase.PREPARING, offset)


async def test_identifiers(db: SqliteConnection, path: Path) -> None:
    """Names of the catalog are known in any case and behind `main.`; others get a hint; broken views do not matter."""
    outside(path, "create view broken as select * from gone")
    for name in ("t", "T", "shown", "by_v", "main.t", "sqlite_master"):
        sql = "select 1 from :{x}" if name != "by_v" else "select 1 from t indexed by :{x} where v = 'one'"
        await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={"x": name})
    with pytest.raises(DatabaseError, match='"chld"') as caught:
        await run(db, "select 1 from :{x}", [("chld",)], identifiers={"x": "chld"})
    assert caught.value.hint == "did you mean child?"
    with pytest.raises(DatabaseError, match="no such column"):  # of another table: a name, never a string
        await run(db, "select :{x} from t", [("parent",)], identifiers={"x": "parent"})


async def test_statements_are_not_kept_for_ever(db: SqliteConnection) -> None:
    """Identifiers that change with every set do not fill the memory."""
    query = asked("select :{x} from t")
    for i in range(200):
        await db.prepare(query, Decoding.TEXT, typed=False, identifiers={"x": "id", f"y{i}": "id"})
    assert len(db._statements) <= 64


# reading


async def test_one_bad_set_does_not_spoil_the_others(db: SqliteConnection) -> None:
    """Errors of sets are told beside the answers of the others, each at its position."""
    sql = "select abs(:n) + 0 as x, json_extract(:j, '$.a') as y"
    sets = [(1, "{}"), (-(2**63), "{}"), (2**63, "{}"), (2, "nonsense"), (3, '{"a": 5}'), ("\ud800", "{}")]
    reply = await run(db, sql, sets)
    assert rows(reply) == [(0, 1, None), (4, 3, 5)]
    assert [(e.position, e.sqlstate) for e in reply.errors] == [
        (1, "SQLITE_ERROR"),
        (2, None),
        (3, "SQLITE_ERROR"),
        (5, None),
    ]
    assert "integer overflow" in reply.errors[0].message
    assert ":n is an integer of more than 64 bits" in reply.errors[1].message
    assert "malformed JSON" in reply.errors[2].message
    assert "lone surrogate" in reply.errors[3].message


async def test_columns_are_found_with_the_rows_where_they_were_not_known(db: SqliteConnection) -> None:
    """A pragma tells its columns only when it runs."""
    reply = await run(db, "pragma table_info(t)", [(), ()])
    assert [c.name for c in reply.columns] == ["cid", "name", "type", "notnull", "dflt_value", "pk"]
    assert list(reply.positions) == [0, 0, 0, 1, 1, 1]


async def test_only_the_runaway_ends_with_its_timeout(db: SqliteConnection) -> None:
    """Each set has its own time: the endless one ends, those before and after it are answered."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select count(*) from c"
    reply = await run(db, sql, [(10,), (10**12,), (20,), (10**12,), (30,)], Limits(timeout_s=0.3))
    assert rows(reply) == [(0, 10), (2, 20), (4, 30)]
    assert [(e.position, e.sqlstate, e.message) for e in reply.errors] == [
        (1, "SQLITE_INTERRUPT", "timed out after 0.3s"),
        (3, "SQLITE_INTERRUPT", "timed out after 0.3s"),
    ]


async def test_timeouts_hit_only_what_timed_out(db: SqliteConnection) -> None:
    """Statements whose time is near the limit: whoever is interrupted took that long, and nobody else is."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select count(*) from c"
    random.seed(4)
    sets = [(random.choice([5, 5, 5, 5, 5, 5, 400_000]),) for _ in range(300)]
    reply = await run(db, sql, sets, Limits(timeout_s=0.02))
    interrupted = {e.position for e in reply.errors}
    assert all(sets[p] == (400_000,) for p in interrupted)
    assert {p for p, *_ in rows(reply)} | interrupted == set(range(300))


async def test_none_means_no_timeout(db: SqliteConnection) -> None:
    """Without a limit a longer query runs to its end."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 300000) select count(*) from c"
    assert rows(await run(db, sql, [()], Limits(timeout_s=None, lock_timeout_s=None))) == [(0, 300000)]


async def test_blobs_nulls_and_numbers_come_as_they_are(db: SqliteConnection) -> None:
    """Every storage class arrives as its Python type."""
    reply = await run(db, "select x'00ff', null, 1.5, 9223372036854775807, 'é'")
    assert rows(reply) == [(0, b"\x00\xff", None, 1.5, 2**63 - 1, "é")]


async def test_python_values_are_stored(db: SqliteConnection, path: Path) -> None:
    """The typed API may give what SQLite has no type for."""
    sets = [(10, datetime(2026, 11, 22, tzinfo=UTC)), (11, Decimal("2.50")), (12, UUID(int=7)), (13, True)]
    reply = await run(db, "insert into t (id, v) values (:id, :v)", sets, WRITES, typed=True)
    assert reply.changed == 4
    stored = [v for (v,) in outside(path, "select v from t where id >= 10 order by id")]
    assert stored == ["2026-11-22 00:00:00+00:00", "2.50", "00000000-0000-0000-0000-000000000007", "1"]


async def test_what_sqlite_has_not(db: SqliteConnection) -> None:
    """No COPY, no conversion to check, and no statement of another driver."""
    statement = await db.prepare(asked("select 1 as x"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(UsageError):
        await db.copy(statement, ",", READS, lambda _: None)
    assert await db.check(statement, [("x",)]) == []
    with pytest.raises(TypeError):
        await db.attempt(object(), [()], READS)  # type: ignore[arg-type]
    assert issubclass(DatabaseError, BulkqError)
