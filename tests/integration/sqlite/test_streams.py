"""Results in pieces."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
from tests.support.sqlite_sessions import READS, WRITES, asked, outside, rows, run

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.connection import SqliteConnection


# streams


async def test_a_stream_has_one_deadline_and_its_reader_has_time(db: SqliteConnection) -> None:
    """The statement's own time is counted over all pieces; what the reader takes between them is not."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select i from c"
    statement = await db.prepare(asked(sql), Decoding.TEXT, typed=True, identifiers={})
    seen = 0
    async for piece in db.stream(statement, (12_000,), Limits(timeout_s=1.5)):
        seen += len(piece.positions)
        await asyncio.sleep(0.7)
    assert seen == 12_000
    with pytest.raises(DatabaseError, match="timed out"):
        async for _ in db.stream(statement, (10**12,), Limits(timeout_s=0.3)):
            pass
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_a_stream_of_nothing_has_columns(db: SqliteConnection) -> None:
    """One piece comes even where no row does."""
    statement = await db.prepare(asked("select id, v from t where 0"), Decoding.TEXT, typed=False, identifiers={})
    pieces = [piece async for piece in db.stream(statement, (), READS)]
    assert [[c.name for c in p.columns] for p in pieces] == [["id", "v"]]
    pragma = await db.prepare(asked("pragma table_info(t)"), Decoding.TEXT, typed=False, identifiers={})
    assert [len(p.columns) async for p in db.stream(pragma, (), READS)] == [6]


async def test_a_stream_that_writes_has_committed(db: SqliteConnection, path: Path) -> None:
    """Rows of RETURNING come after the commit."""
    statement = await db.prepare(asked("delete from t returning id"), Decoding.TEXT, typed=False, identifiers={})
    async for piece in db.stream(statement, (), WRITES):
        assert len(piece.positions) == 3
        assert outside(path, "select count(*) from t") == [(0,)]
