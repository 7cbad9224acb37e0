"""Workers in this process: their sessions and channels without a cluster between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.engine.executors.remote_driver import RemoteDriver, wrap_driver
from bulkq.engine.executors.worker_channel import WorkerChannel
from bulkq.engine.executors.worker_session import SessionSettings, WorkerSession
from bulkq.model import Target
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.executors.remote_driver import Identify


def settings(
    session: str = "s1", *, read_only: bool = False, lease_s: float = 60, still_s: float = 9
) -> SessionSettings:
    """Of a session that lasts for a test."""
    return SessionSettings(
        session=session,
        run="r1",
        application_name="test",
        read_only=read_only,
        folder=".",
        lease_s=lease_s,
        still_s=still_s,
    )


class LoopbackWorker:
    """A session and the channel to it. `cut` loses every message from then on, as a network does."""

    def __init__(self, name: str = "w1", *, read_only: bool = False, lease_s: float = 60, lost_s: float = 10) -> None:
        self.session = WorkerSession(settings(name, read_only=read_only, lease_s=lease_s))
        self.channel = WorkerChannel(name, self._send, lost_s=lost_s)
        self.cut: BaseException | None = None
        self.silent = False
        self.sent = 0

    async def _send(self, data: bytes) -> bytes:
        self.sent += 1
        if self.cut is not None:
            raise self.cut
        answer = await self.session.handle(data)
        if self.cut is not None:
            raise self.cut
        if self.silent:
            await asyncio.Event().wait()
        return answer

    async def close(self) -> None:
        """End both."""
        self.channel.lose("the test has ended")
        await self.session.end()


def driver_in(
    workers: Sequence[LoopbackWorker], url: str, said: list[str] | None = None, identify: Identify | None = None
) -> RemoteDriver:
    """A driver for `url` whose connections are opened by `workers`."""
    definition = Target(url=url)
    local = open_target(definition, application_name="test", read_only=False)

    def usable() -> list[WorkerChannel]:
        return [worker.channel for worker in workers if not worker.channel.lost]

    return wrap_driver(1, definition, local, usable, (said if said is not None else []).append, identify)
