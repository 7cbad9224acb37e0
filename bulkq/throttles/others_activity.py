"""`--nice auto`: what the server has counted for the sessions of others, read once a second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, DatabaseError, UsageError
from bulkq.policy.gentle_pace import AUTO, GentlePace, ServerLoad
from bulkq.policy.throttle_expressions import ThrottleExpression
from bulkq.throttles.base import EVERY_S, OPEN_S, READ_S
from bulkq.throttles.signal_reader import SignalReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.throttles.throttle_context import ThrottleContext


class OthersActivity:
    """Reads what others do on a target, and tells its pace. If it cannot be read, the run goes on as it does then.

    Args:
        context: of the run.
        label: of the target.
        target: the database.
    """

    def __init__(self, context: ThrottleContext, label: str, target: Target) -> None:
        self.pace = GentlePace()
        self._context = context
        self._label = label
        self._database = SignalReader(ThrottleExpression(f"nice={AUTO}", "nice"), context, label, target)
        self._query: SignalQuery | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> bool:
        """Read it once, and go on reading it until `close`. Return False, and say why, if the server does not give it."""
        catalog = self._database.dialect.signals
        try:
            async with asyncio.timeout(OPEN_S):
                if catalog is None or catalog.others is None:
                    raise UsageError("the database does not count the time of its sessions")
                if why := (await self._database.ask(catalog.others.impossible))[0][0]:
                    raise UsageError(str(why))
                self._query = catalog.others
                load = await self._read()
                self.pace.start(load, time.monotonic())
        except (OSError, TimeoutError, BulkqError, DatabaseError) as error:
            await self._database.close()
            text = str(error).partition("\n")[0] or f"no answer within {OPEN_S:g}s"
            self._say(f"full speed, because there is nothing to compare with: {text}")
            return False
        if not load.busy:
            self._say("full speed, because no other session is at work")
        self._task = asyncio.create_task(self._poll())
        return True

    async def close(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,), timeout=READ_S)
        await self._database.close()

    def _say(self, text: str) -> None:
        self._context.say(f"{self._context.title(f'nice={AUTO}', self._label)}: {text}")

    async def _read(self) -> ServerLoad:
        assert self._query is not None, "it was looked for"
        return load_of(await self._database.ask(self._query.sql))

    async def _poll(self) -> None:
        task = self._task
        while self._task is task:
            await asyncio.sleep(EVERY_S)
            with contextlib.suppress(OSError, TimeoutError, BulkqError, DatabaseError):  # the next reading may succeed
                async with asyncio.timeout(READ_S):
                    load = await self._read()
                self.pace.observe(load, time.monotonic())


def load_of(rows: Sequence[tuple[object, ...]]) -> ServerLoad:
    """The rows of `SignalCatalog.others`."""
    values = {str(name): (float(str(seconds)), float(str(count))) for name, seconds, count, _ in rows}
    return ServerLoad(values, int(float(str(rows[0][3]))) if rows else 0)
