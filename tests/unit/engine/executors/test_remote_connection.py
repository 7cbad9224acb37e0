"""A connection that a worker has."""

from __future__ import annotations

import pytest

from bulkq.engine.commit_guard import CommitGuard
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Batch, Decoding, Limits, Phase
from bulkq.query import inline
from tests.support.lanes import part
from tests.support.loopback_workers import LoopbackWorker, driver_in

READ, WRITE = Limits(), Limits(read_only=False)


async def test_everything_a_lane_needs_is_done_in_the_worker(worker: LoopbackWorker, database: str) -> None:
    """Reads, streams, own statements, checks of values."""
    connection = await driver_in([worker], database).connect()
    assert connection.server.product == "sqlite"
    query = inline("select v from t where id = :id", "sqlite")
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    assert statement is await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    reply = await connection.attempt(statement, [(3,), (2,)], READ)
    assert [list(column) for column in reply.values] == [[9, 4]]
    sent = worker.sent
    assert [list(piece.values[0]) async for piece in connection.stream(statement, (4,), READ)] == [[16]]
    assert worker.sent == sent + 1  # a short answer comes with its end
    assert await connection.administer(["select count(*) from t"]) == [(10,)]
    assert await connection.check(statement, [(1,)]) == []
    assert isinstance(await connection.why_apart(statement), str)
    await connection.close()
    await connection.close()
    assert worker.channel.connections == 0


async def test_a_stream_that_is_left_ends_in_the_worker(worker: LoopbackWorker, database: str) -> None:
    """The connection is free for the next statement."""
    connection = await driver_in([worker], database).connect()
    query = inline(
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 300000) select i from n", "sqlite"
    )
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    pieces = connection.stream(statement, (), READ)
    assert (await anext(pieces)).values  # type: ignore[arg-type]
    await pieces.aclose()  # type: ignore[attr-defined]
    assert await connection.administer(["select 1"]) == [(1,)]
    again = connection.stream(statement, (), READ)
    await anext(again)  # type: ignore[arg-type]
    (kept,) = worker.session._streams.values()
    worker.cut = ConnectionResetError("gone")
    await worker.session.end()
    with pytest.raises(StopAsyncIteration):
        await anext(kept)
    with pytest.raises(DatabaseError, match="worker w1: its connection broke"):
        [piece async for piece in again]
    assert worker.channel.lost_sets == 1
    await connection.close()


async def test_the_outcome_is_not_known_if_the_worker_is_lost(worker: LoopbackWorker, database: str) -> None:
    """A write may have been committed; a read was not."""
    one = part(database, "update t set v = v + 1 where id = :id", [], write=True)
    connection = await driver_in([worker], database).connect()
    statement = await connection.prepare(one.spec.query, Decoding.PYTHON, typed=True, identifiers={})
    worker.cut = ConnectionResetError("gone")
    for limits, phase in ((WRITE, Phase.COMMITTING), (READ, Phase.SENT)):
        with pytest.raises(DatabaseError, match="worker w1: its connection broke") as raised:
            await connection.attempt(statement, [(1,)], limits)
        assert (raised.value.phase, raised.value.connection_lost) == (phase, True)
    with pytest.raises(DatabaseError):
        await connection.administer(["select 1"])
    await connection.close()


async def test_rows_beyond_what_may_be_changed_are_rolled_back(worker: LoopbackWorker, database: str) -> None:
    """The guard decides about the number that the statement would change, then the attempt is made again."""
    from bulkq.engine.affected_guard import AffectedGuard

    one = part(database, "update t set v = -1 where id <= :id", [], write=True)
    one.guard = AffectedGuard(6)
    connection = await driver_in([worker], database).connect()
    statement = await connection.prepare(one.spec.query, Decoding.PYTHON, typed=True, identifiers={})
    guard = CommitGuard(one, Batch(0, 1, [(4,)]))
    reply = await connection.attempt(statement, [(4,)], WRITE, before_commit=guard)
    guard.settle(reply.changed, committed=True)
    assert reply.changed == 4
    with pytest.raises(RefusedError, match="9 rows would be changed, --max-affected allows 6"):
        await connection.attempt(statement, [(5,)], WRITE, before_commit=CommitGuard(one, Batch(1, 2, [(5,)])))
    assert await connection.administer(["select count(*) from t where v = -1"]) == [(4,)]
    await connection.close()
    await one.sessions.close()
