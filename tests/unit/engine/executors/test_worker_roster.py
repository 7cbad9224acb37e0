"""What became of workers."""

from __future__ import annotations

from bulkq.engine.executors.worker_roster import MOST_GONE, WorkerRoster
from bulkq.model.worker_status import WorkersStatus, WorkerState, WorkerStatus
from tests.support.loopback_workers import LoopbackWorker


async def test_what_each_worker_has_done(workers: list[LoopbackWorker]) -> None:
    """A worker that was lost and comes back is one, with all that it did; the loss stays counted."""
    roster = WorkerRoster("dask=x")
    one, two = (worker.channel for worker in workers)
    for channel in (one, two):
        roster.admit(channel)
        channel.count(20)
    one.connections, two.retiring = 3, True
    assert roster.status() == WorkersStatus(
        executor="dask=x",
        working=1,
        listed=(
            WorkerStatus(address="w1", connections=3, batches=1, sets=20),
            WorkerStatus(address="w2", state=WorkerState.RETIRING, batches=1, sets=20),
        ),
    )
    one.lost_sets = 5
    one.lose("no answer")
    assert roster.lose(one) is WorkerState.LOST
    lost = WorkerStatus(address="w1", state=WorkerState.LOST, reason="no answer", batches=1, sets=20, lost_sets=5)
    assert roster.status().listed[-1] == lost
    again = LoopbackWorker("w1")
    roster.admit(again.channel)
    again.channel.count(1)
    found = roster.status()
    assert (found.working, found.lost) == (1, 1)
    assert found.listed[1:] == (WorkerStatus(address="w1", batches=2, sets=21, lost_sets=5),)
    await again.close()


async def test_a_worker_that_leaves_is_not_lost(workers: list[LoopbackWorker]) -> None:
    """It was retired, its lanes have moved, and it had nothing of the run any more."""
    roster = WorkerRoster("dask=x")
    channel = workers[0].channel
    roster.admit(channel)
    channel.retiring = True
    channel.lose("its connection broke")
    assert roster.lose(channel) is WorkerState.LEFT
    assert roster.status() == WorkersStatus(
        executor="dask=x", listed=(WorkerStatus(address="w1", state=WorkerState.LEFT),)
    )


async def test_refused_workers_are_counted_and_the_last_are_kept() -> None:
    """A run of days may see thousands."""
    roster = WorkerRoster("dask=x")
    for number in range(MOST_GONE + 5):
        roster.refuse(f"w{number}", "no driver")
    found = roster.status()
    assert (found.refused, len(found.listed)) == (MOST_GONE + 5, MOST_GONE)
    assert found.listed[-1] == WorkerStatus(address="w24", state=WorkerState.REFUSED, reason="no driver")
