"""Requests to a worker."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.engine.executors import worker_channel
from bulkq.engine.executors.worker_channel import WorkerChannel, WorkerLost
from bulkq.errors import BulkqError
from tests.support.loopback_workers import LoopbackWorker


async def test_a_broken_message_is_a_request_of_unknown_end(worker: LoopbackWorker) -> None:
    """Only this request; the worker may answer the next one."""
    worker.cut = ConnectionResetError("gone")
    with pytest.raises(WorkerLost, match="its connection broke: gone"):
        await worker.channel.request("ping")
    worker.cut = None
    assert await worker.channel.request("ping") == 0


async def test_a_worker_without_the_session_is_lost(worker: LoopbackWorker) -> None:
    """It was started again, or has given the run up."""
    await worker.session.end()
    with pytest.raises(WorkerLost, match="it has ended the session"):
        await worker.channel.request("ping")
    with pytest.raises(WorkerLost):
        await worker.channel.request("ping")


async def test_a_silent_worker_is_lost_after_a_while() -> None:
    """All of its requests end then. It is not asked to cancel the ping, which would take as long again."""
    worker = LoopbackWorker(lost_s=0.2)
    keeping = asyncio.create_task(worker.channel.keep_alive())
    worker.silent = True
    with pytest.raises(WorkerLost, match=r"no answer for 0\.2s"):
        await worker.channel.request("ping")
    await keeping
    assert worker.sent == 2
    await worker.close()


async def test_a_silent_worker_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends although the worker does not say that its session has ended."""
    monkeypatch.setattr(worker_channel, "CLOSE_S", 0.05)
    worker = LoopbackWorker()
    worker.silent = True
    async with asyncio.timeout(2):
        await worker.channel.close()
    assert worker.channel.lost == "the run has ended"
    await worker.close()


async def test_a_cancelled_request_ends_in_the_worker_first() -> None:
    """The request is cancelled there, and its end is waited for."""
    ended = asyncio.Event()
    worker = LoopbackWorker()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    worker.session.on_wait = wait  # type: ignore[attr-defined]
    task = asyncio.create_task(worker.channel.request("wait"))
    while worker.sent == 0:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    await worker.close()


async def test_what_a_driver_says_of_a_statement_that_goes_on_arrives() -> None:
    """The lane reports it."""
    worker = LoopbackWorker()

    async def strand() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise asyncio.CancelledError("goes on") from None

    worker.session.on_strand = strand  # type: ignore[attr-defined]
    task = asyncio.create_task(worker.channel.request("strand"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError, match="goes on"):
        await task
    await worker.close()


async def test_definitions_are_sent_once(worker: LoopbackWorker, database: str) -> None:
    """An error of a definition is that of everything that needs it."""
    from bulkq.model import Target

    await asyncio.gather(*(worker.channel.define_target(1, Target(url=database)) for _ in range(3)))
    assert worker.sent == 1
    with pytest.raises(BulkqError, match="no driver"):
        await worker.channel.define_target(2, Target(url="nonsense://x"))


async def test_closing_ends_the_session(worker: LoopbackWorker) -> None:
    """In the worker as well."""
    await worker.channel.close()
    async with asyncio.timeout(5):
        while not worker.session.ended:
            await asyncio.sleep(0.01)
    assert worker.channel.lost
    await WorkerChannel("w", worker._send).close()
