"""The session of a run in a worker."""

from __future__ import annotations

import asyncio
import pickle
import time

from bulkq.engine.executors.worker_session import WorkerSession, machine
from bulkq.model import Target
from tests.support.loopback_workers import LoopbackWorker, settings


async def test_a_session_ends_without_a_sign_of_life(database: str) -> None:
    """Its connections are closed, and it answers no request any more."""
    session = WorkerSession(settings(lease_s=0.3))
    ask = [(1, "driver", None, (1, Target(url=database))), (2, "connect", None, (1, 9)), (3, "ping", None, ())]
    answers = [pickle.loads(await session.handle(pickle.dumps(one))) for one in ask]
    assert [kind for kind, _ in answers] == ["value"] * 3
    assert answers[2][1] == 1
    async with asyncio.timeout(5):
        while not session.ended:
            await asyncio.sleep(0.05)
    assert await session.handle(pickle.dumps(ask[2])) == b""
    await session.end()


async def test_a_busy_worker_keeps_its_session() -> None:
    """While it encodes rows it cannot hear the run, which is no silence of the run."""
    session = WorkerSession(settings(lease_s=0.4))
    for _ in range(2):
        await asyncio.sleep(0.05)
        time.sleep(0.6)
        await asyncio.sleep(0)
        assert await session.handle(pickle.dumps((1, "ping", None, ())))
    await session.end()


async def test_late_requests_are_not_carried_out() -> None:
    """A worker that stood still was given up: neither what arrived meanwhile nor what it had begun goes on. Another session may begin."""
    session = WorkerSession(settings(still_s=0.5))
    done: list[str] = []
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_two_steps() -> None:
        await answer
        done.append("begun before")

    async def on_one_step() -> None:
        done.append("arrived late")

    session.on_two_steps, session.on_one_step = on_two_steps, on_one_step  # type: ignore[attr-defined]
    begun = asyncio.create_task(session.handle(pickle.dumps((1, "two_steps", None, ()))))
    await asyncio.sleep(0.05)
    time.sleep(0.6)
    answer.set_result(None)
    assert await session.handle(pickle.dumps((2, "one_step", None, ()))) == b""
    assert pickle.loads(await begun)[0] == "cancelled"
    await session.end()
    assert not done


async def test_an_error_that_cannot_be_sent_is_named(worker: LoopbackWorker) -> None:
    """The text of what came of it is all that can travel."""

    async def give() -> object:
        return lambda: None

    worker.session.on_ping = give  # type: ignore[assignment]
    kind, error = pickle.loads(await worker.session.handle(pickle.dumps((1, "ping", None, ()))))
    assert kind == "error"
    assert "could not send its answer" in str(error)
    assert machine() == machine()
