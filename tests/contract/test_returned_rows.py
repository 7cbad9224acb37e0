"""A statement of several parts that change rows gives the rows and the count of its outermost part, whichever the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.databases import DRIVERS, fresh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.protocols import Connection, Statement

WRITES = Limits(timeout_s=20, lock_timeout_s=5, read_only=False)
GONE = "with gone as (delete from t where a > :low returning a) "
CASES: Sequence[tuple[str, list[list[object]], int | None]] = (
    (GONE + "insert into u select a from gone", [[3]], 3),
    (GONE + "insert into u select a from gone returning a * 10 as b", [[30, 40, 50]], 3),
    (GONE + "select max(a), count(*) from gone", [[5], [3]], None),
    ("with gone as (delete from t where a > :low) select 7", [[7]], None),
)


@pytest.mark.parametrize("name", [name for name, driver in DRIVERS.items() if driver.kind == "postgresql"])
async def test_the_outermost_part_answers(request: pytest.FixtureRequest, name: str) -> None:
    """Rows of a RETURNING or a SELECT that is outermost; else the count of the rows that the outermost part has changed."""
    pytest.importorskip(name)
    database = fresh("postgresql", request)
    connection = await open_driver(database.url(DRIVERS[name].scheme), application_name="x", read_only=False).connect()
    try:
        for sql in ("create table t(a integer)", "create table u(a integer)"):
            await connection.attempt(await _prepared(connection, sql), [()], WRITES)
        for sql, expected, changed in CASES:
            for own in ("delete from t", "insert into t select generate_series(1, 5)"):
                await connection.attempt(await _prepared(connection, own), [()], WRITES)
            reply = await connection.attempt(await _prepared(connection, sql), [(2,)], WRITES)
            assert [sorted(column) for column in reply.values] == expected, sql
            assert changed is None or reply.changed == changed, sql
    finally:
        await connection.close()


async def _prepared(connection: Connection, sql: str) -> Statement:
    return await connection.prepare(inline(sql, "postgres"), Decoding.PYTHON, typed=True, identifiers={})
