"""The lanes of one target: what is executed, recorded and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import ParameterError, StoppedError
from bulkq.model import Threshold
from tests.support.lanes import Ended, context_of, part, run

if TYPE_CHECKING:
    from collections.abc import Iterable


async def test_every_set_of_a_write_is_applied_and_recorded(database: str) -> None:
    """Batches are recorded one after the other, and the counts are those of the sets."""
    ended = Ended()
    one = part(database, "update t set v = -v where id = :id", [{"id": i} for i in range(1, 11)], write=True)
    context = context_of([one], ended)
    group = await run(one, context)
    assert group.well
    assert not group.busy
    assert (one.counts.ok, context.progress.done, one.taken, one.exhausted) == (10, 10, 10, True)
    assert ended.first == [1, 3, 5, 7, 9]


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
