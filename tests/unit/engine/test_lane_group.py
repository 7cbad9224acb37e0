"""The lanes of one target on a real SQLite file, without a runner: what they share stands in the context."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.context import RunContext, StopLimits
from bulkq.engine.control import Control
from bulkq.engine.executors.local import LocalExecutor
from bulkq.engine.lane import Lane
from bulkq.engine.lane_group import LaneGroup
from bulkq.engine.limiter import LimiterSlot
from bulkq.engine.part_state import PartState
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import OutputClosed, ParameterError, StoppedError
from bulkq.ledger import NoLedger
from bulkq.model import Batch, Decoding, Limits, PartSpec, Target, Threshold
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.progress import Progress
from bulkq.policy.retry import Budget
from bulkq.query import inline
from bulkq.sinks.null import NoSink
from bulkq.sources.iterable import MappingSource
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bulkq.model import BatchResult


class Told:
    """An observer that keeps the numbers of the sets that ended."""

    def __init__(self) -> None:
        self.first: list[int] = []

    def started(self, progress: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None: ...
    def batch_done(self, result: BatchResult) -> None:
        self.first.append(result.batch.first)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A table of ten rows."""
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (id integer primary key, v integer)")
    connection.executemany("insert into t values (?, ?)", [(i, i * i) for i in range(1, 11)])
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def part(url: str, sql: str, sets: Iterable[dict[str, object]], *, write: bool = False, batch: int = 2) -> PartState:
    """A part with connections of its own."""
    driver = open_target(Target(url=url), application_name="test", read_only=not write)
    sessions = ConnectionPool(driver, outage_s=1, say=lambda _: None, writes=write)
    query = inline(sql, "sqlite")
    spec = PartSpec(
        query=query,
        target="t",
        decoding=Decoding.PYTHON,
        typed=True,
        limits=Limits(read_only=not write),
        retries=0,
        answers=False,
    )
    source = MappingSource(query, sets, dynamic=True)
    return PartState(spec, source, NoSink(), sessions, BatchSize(batch))


def context_of(parts: Sequence[PartState], told: Told | None = None, **rules: object) -> RunContext:
    """Four slots."""
    return RunContext(
        parts,
        concurrency=4,
        progress=Progress(),
        observers=[told] if told is not None else [],
        control=Control(),
        rules=StopLimits(**rules),  # type: ignore[arg-type]
        ledger=NoLedger(),
    )


async def run(one: PartState, context: RunContext) -> LaneGroup:
    """Run a part to its end or to a stop."""
    group = LaneGroup([one], context, most=4, ordered=True)
    try:
        await group.run()
    finally:
        await one.sessions.close()
        context.overflow.close()
    return group


async def test_every_set_of_a_write_is_applied_and_recorded(database: str) -> None:
    """Batches are recorded one after the other, and the counts are those of the sets."""
    told = Told()
    one = part(database, "update t set v = -v where id = :id", [{"id": i} for i in range(1, 11)], write=True)
    context = context_of([one], told)
    group = await run(one, context)
    assert group.well
    assert not group.busy
    assert (one.counts.ok, context.progress.done, one.taken, one.exhausted) == (10, 10, 10, True)
    assert told.first == [1, 3, 5, 7, 9]


async def test_a_set_that_fails_is_isolated(database: str) -> None:
    """The others of its batch are applied; the target is not well."""
    one = part(database, "insert into t values (:id, 0)", [{"id": i} for i in (11, 5, 12)], write=True, batch=3)
    context = context_of([one])
    group = await run(one, context)
    assert (one.counts.ok, one.counts.failed, one.wrong) == (2, 1, 1)
    assert [failure.n for failure in context.failures] == [2]
    assert not group.well


async def test_a_drain_before_the_start_sends_nothing(database: str) -> None:
    """The lanes look at the control before they cut."""
    one = part(database, "update t set v = 0 where id = :id", [{"id": 1}], write=True)
    context = context_of([one])
    context.control.drain("early")
    await run(one, context)
    assert (one.taken, one.counts.ok) == (0, 0)


async def test_a_source_that_breaks_stops_the_run_in_order(database: str) -> None:
    """What came before it is done; the error says why the run stopped."""

    def broken() -> Iterable[dict[str, object]]:
        yield from ({"id": i} for i in range(1, 5))
        raise ParameterError("rows.csv:5: bad line")

    one = part(database, "update t set v = 0 where id = :id", broken(), write=True)
    context = context_of([one])
    await run(one, context)
    assert isinstance(context.error, StoppedError)
    assert "rows.csv:5" in str(context.error)
    assert context.control.exit_code == 5


async def test_the_stop_rules_are_applied_after_each_batch(database: str) -> None:
    """With `--max-failures 1` no further batch is cut after the first failure."""
    sets = [{"id": 1} for _ in range(10)]
    one = part(database, "insert into t values (:id, 0)", sets, write=True, batch=1)
    context = context_of([one], max_failures=Threshold(count=1))
    await run(one, context)
    assert context.control.draining
    assert one.taken < 10


async def test_a_closed_output_is_no_error_of_a_read(database: str) -> None:
    """`| head` ends a read with 0 and a write with 5."""
    reading = context_of([part(database, "select 1", [{}])])
    reading.stop_by(OutputClosed("closed"))
    assert (reading.control.exit_code, reading.error) == (0, None)
    writing = context_of([part(database, "update t set v = 1", [{}], write=True)])
    writing.stop_by(OutputClosed("closed"))
    assert writing.control.exit_code == 5


async def test_targets_share_the_slots(database: str) -> None:
    """Each target at work has an equal share, at least one lane; into one sink they write in turn."""
    one, two, three = (part(database, "select 1", [{}]) for _ in range(3))
    two.sink = one.sink
    context = context_of([one, two, three])
    assert context.several
    context.limiter.busy.update([one.sessions, two.sessions, three.sessions])
    assert context.limiter.share() == 2
    three.sessions.lost = True
    assert context.limiter.share() == 2
    context.limiter.busy.discard(two.sessions)
    assert context.limiter.share() == 4
    assert isinstance(context.locks.get(id(one.sink)), asyncio.Lock)
    assert id(three.sink) not in context.locks
    assert context_of([one]).limiter.share() == 4


async def test_the_local_executor_gives_one_result_for_a_batch(database: str) -> None:
    """Several sets come back whole, in the order of the sets; the connection is kept for the next lane."""
    one = part(database, "select v from t where id = :id", [])
    slot = LimiterSlot(asyncio.Semaphore(1))
    executor = LocalExecutor(Lane(one.sessions, Budget(), slot), [one])
    await executor.ready()
    result = await executor.execute(one.spec, Batch(0, 1, [(3,), (99,), (2,)]), out=None)  # type: ignore[arg-type]
    assert (result.ok, [list(column) for column in result.values], list(result.positions)) == (3, [[9, 4]], [0, 2])
    assert not executor.stranded
    await executor.close()
    await executor.discard()
    await one.sessions.close()
