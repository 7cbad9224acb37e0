"""The attempts of one batch on one connection: isolation, retries, refusals, pieces of a large result."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.lane import Lane
from bulkq.engine.slots import LimiterSlot
from bulkq.errors import RefusedError
from bulkq.model import Batch, Limits, Outcome
from bulkq.policy.retry import Budget
from tests.support.lanes import part
from tests.support.sqlite_files import column

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.engine.part_state import PartState
    from bulkq.model import BatchResult


class Pieces:
    """The destination of a streamed result."""

    copy_delimiter = None

    def __init__(self) -> None:
        self.rows: list[object] = []
        self.begun = 0

    async def begin(self) -> None:
        self.begun += 1
        self.rows.clear()

    async def write(self, result: BatchResult) -> None:
        self.rows.extend(next(iter(result.values)))

    def write_bytes(self, data: bytes) -> object:
        raise AssertionError(data)


class Retries(Budget):
    """A budget without a limit that tells of the first retry."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    def wait_s(self, now_s: float) -> float:
        self.begun.set()
        return 0.0


@asynccontextmanager
async def lane_of(one: PartState, budget: Budget | None = None) -> AsyncIterator[Lane]:
    """A lane that has a slot."""
    slot = LimiterSlot(asyncio.Semaphore(1))
    lane = Lane(one.sessions, budget or Budget(), slot)
    async with slot:
        yield lane
    await lane.discard()
    await one.sessions.close()


async def test_a_bad_set_fails_alone(database: str) -> None:
    """The sets before and behind it are applied; it is rolled back and has its number."""
    one = part(database, "insert into t values (:id, 0)", [], write=True)
    async with lane_of(one) as lane:
        result = await lane.execute(one, Batch(0, 41, [(11,), (5,), (12,)]))
    assert (result.ok, result.changed) == (2, 2)
    assert [(failure.n, failure.outcome) for failure in result.failures] == [(42, Outcome.ROLLED_BACK)]
    assert column(database.removeprefix("sqlite:///"), "select count(*) from t")[0] == 12


async def test_a_lock_is_waited_for(database: str) -> None:
    """While another session holds the database, the set is tried again, and it is applied once."""
    one = part(database, "update t set v = v + 1000 where id = :id", [], write=True)
    one.spec = replace(one.spec, retries=1_000, limits=Limits(read_only=False, lock_timeout_s=0.01))
    path = database.removeprefix("sqlite:///")
    retries = Retries()
    async with lane_of(one, retries) as lane:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            trying = asyncio.create_task(lane.execute(one, Batch(0, 1, [(1,)])))
            await asyncio.wait_for(retries.begun.wait(), 20)
            other.execute("commit")
            result = await asyncio.wait_for(trying, 20)
    assert (result.ok, result.failures) == (1, ())
    assert result.retried == result.attempts - 1 >= 1
    assert column(path, "select v from t where id = 1") == [1001]


async def test_retries_have_an_end(database: str) -> None:
    """After the last one the set has failed, with the number of its attempts."""
    one = part(database, "update t set v = 0 where id = :id", [], write=True)
    one.spec = replace(one.spec, retries=1, limits=Limits(read_only=False, lock_timeout_s=0.01))
    async with lane_of(one) as lane:
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("begin immediate")
            result = await lane.execute(one, Batch(0, 1, [(1,)]))
    assert result.ok == 0
    assert [(failure.n, failure.attempts) for failure in result.failures] == [(1, 2)]


async def test_a_write_in_a_read_is_refused(database: str) -> None:
    """It stops the run: it is not the failure of a set."""
    one = part(database, "update t set v = 0 where id = :id", [])
    async with lane_of(one) as lane:
        with pytest.raises(RefusedError, match="add --write"):
            await lane.execute(one, Batch(0, 1, [(1,)]))


async def test_a_large_result_comes_in_pieces(database: str) -> None:
    """The rows are in the output and not in memory; a small one is in the result."""
    one = part(
        database, "with recursive c(n) as (select 1 union all select n + 1 from c where n < :most) select n from c", []
    )
    out = Pieces()
    async with lane_of(one) as lane:
        large = await lane.stream(one, Batch(0, 1, [(20_000,)]), out)
        assert (out.begun, out.rows == list(range(1, 20_001)), list(large.values)) == (1, True, [])
        small = await lane.stream(one, Batch(1, 2, [(3,)]), out)
    assert (large.ok, small.ok, out.begun) == (1, 1, 1)
    assert [list(values) for values in small.values] == [[1, 2, 3]]


async def test_a_statement_that_fails_while_it_streams(database: str) -> None:
    """The only set is the failure, and it has no row."""
    one = part(database, "select abs(:n) from t", [])
    async with lane_of(one) as lane:
        result = await lane.stream(one, Batch(0, 9, [(-(2**63),)]), Pieces())
    assert (result.ok, list(result.values)) == (0, [])
    assert [failure.n for failure in result.failures] == [9]


async def test_a_connection_outlives_its_lane(database: str) -> None:
    """`close` gives it to the next lane, `discard` does not."""
    one = part(database, "select v from t where id = :id", [])
    first, second, third = (Lane(one.sessions, Budget(), LimiterSlot(asyncio.Semaphore(1))) for _ in range(3))
    connection = await first.ready()
    assert await first.ready() is connection
    await first.close()
    assert await second.ready() is connection
    await second.discard()
    assert await third.ready() is not connection
    await third.discard()
