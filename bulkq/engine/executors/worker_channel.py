"""Requests of a run to its session in one worker: numbered, cancelled on request, and ended when the worker is lost."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bulkq.engine.executors.map_and_encode_rows import PartDefinition
    from bulkq.model import Decoding, Query, Target


PING_S = 1.0
"""Seconds between two signs of life."""

LOST_S = 10.0
"""Seconds without an answer after which a worker is lost. Longer than it may take to encode a large result."""

LEASE_S = 6.0
"""Seconds without a sign of life after which a worker ends what it does for a run."""

CANCEL_S = 8.0
"""Seconds that a cancelled request gets to end on the server: more than the grace of every driver."""

CLOSE_S = 2.0
"""Seconds that a worker gets to answer that a session has ended."""

MOST_STATEMENTS = 1_000
"""Definitions of statements that a worker keeps for a run; more are numbered anew."""


class WorkerLost(Exception):
    """The worker does not answer any more, so the end of a request is not known."""


class WorkerChannel:
    """The session of a run in one worker.

    Args:
        address: of the worker.
        send: sends a pickled request and returns the pickled answer; b"" if the worker does not know the session any more. Raises
            OSError if the worker cannot be reached.
        lost_s: seconds without an answer after which the worker is lost.
    """

    def __init__(self, address: str, send: Callable[[bytes], Awaitable[bytes]], *, lost_s: float = LOST_S) -> None:
        self.address = address
        self.lost = ""
        """Why the worker is lost; "" while it is not."""

        self.connections = 0
        self.batches = 0
        self.sets = 0
        """Parameter sets of these batches."""

        self.lost_sets = 0
        """Parameter sets whose answers were lost with the worker."""

        self.retiring = False
        self._send = send
        self._lost_s = lost_s
        self._numbers = count(1)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._statements: dict[object, tuple[int, Query]] = {}  # by the identity of the query, which is kept for it
        self._known: dict[tuple[str, int], asyncio.Task[object]] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def request(self, name: str, *arguments: object, connection: int | None = None) -> Any:
        """Have the worker carry out a request, and return its result.

        Args:
            name: of the request, see `WorkerSession`.
            arguments: of the request; those that begin with a connection leave it to `connection`.
            connection: that the request uses.

        Raises:
            WorkerLost: the worker was lost. The request may have been carried out.
            BulkqError: the error of the request.
        """
        if self.lost:
            raise WorkerLost(self.lost)
        number = next(self._numbers)
        own = arguments if connection is None else (connection, *arguments)
        data = pickle.dumps((number, name, connection, own), pickle.HIGHEST_PROTOCOL)
        sending = asyncio.ensure_future(self._send(data))
        try:
            await self._ended(sending, None)
        except asyncio.CancelledError:
            await self._cancel(number, sending)
            raise
        return self._answer(sending)

    def count(self, sets: int) -> None:
        """Count a batch that was answered."""
        self.batches += 1
        self.sets += sets

    def lose(self, why: str) -> None:
        """Give the worker up: every request to it ends with `WorkerLost`."""
        if not self.lost:
            self.lost = why
            self._gone.set_result(None)

    async def keep_alive(self) -> None:
        """Ping until the worker is lost. A worker that only lost the session is lost as well."""
        while not self.lost:
            ping = self._ask("ping")
            await asyncio.wait([ping], timeout=self._lost_s)
            if not ping.done():
                self.lose(f"no answer for {self._lost_s:g}s")
            elif isinstance(error := ping.exception(), WorkerLost):
                self.lose(str(error))
            await asyncio.wait([self._gone], timeout=PING_S)

    def later(self, name: str, *arguments: object, connection: int | None = None) -> None:
        """Send a request whose result does not matter, without waiting for it."""

        async def send() -> None:
            with contextlib.suppress(Exception):
                await self.request(name, *arguments, connection=connection)

        task = asyncio.ensure_future(send())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def define_target(self, key: int, target: Target) -> None:
        """Make a target known, once.

        Raises:
            MissingDriver: the worker lacks its library.
        """
        await self._define("driver", key, target)

    async def define_part(self, number: int, definition: PartDefinition) -> None:
        """Make a part known, once.

        Raises:
            UsageError: the worker cannot import the function of `--map`.
        """
        await self._define("part", number, definition)

    async def define_statement(self, query: Query, decoding: Decoding, typed: bool, names: Mapping[str, str]) -> int:
        """Make a statement known, once, and return its number."""
        key = id(query), decoding, typed, tuple(names.items())
        known = self._statements.get(key)
        if known is None:
            if len(self._statements) >= MOST_STATEMENTS:
                self._statements.clear()
            known = self._statements[key] = next(self._numbers), query
        await self._define("statement", known[0], query, decoding, typed, dict(names))
        return known[0]

    async def close(self) -> None:
        """End the session in the worker."""
        await asyncio.wait([self._ask("end")], timeout=CLOSE_S)
        self.lose("the run has ended")

    def _ask(self, name: str) -> asyncio.Task[object]:
        """Send a request that is not cancelled if its answer is late: a cancelled one waits for its end in the worker."""
        task: asyncio.Task[object] = asyncio.ensure_future(self.request(name))
        task.add_done_callback(_heard)
        return task

    async def _define(self, name: str, number: int, *values: object) -> None:
        """Send a definition once; requests that need it meanwhile wait for the same answer."""
        task = self._known.get((name, number))
        if task is None:
            task = self._known[name, number] = asyncio.ensure_future(self.request(name, number, *values))
            task.add_done_callback(_heard)
        try:
            await asyncio.shield(task)
        except WorkerLost:
            self._known.pop((name, number), None)  # one message may have been lost, and the next one arrive
            raise

    def _answer(self, sending: asyncio.Future[bytes]) -> Any:
        if not sending.done():
            sending.cancel()
            raise WorkerLost(self.lost)
        try:
            data = sending.result()
        except Exception as error:  # noqa: BLE001 - a worker that ends breaks a message off in many ways
            raise WorkerLost(f"its connection broke: {error}"[:200]) from None
        if not data:
            self.lose("it has ended the session")
            raise WorkerLost(self.lost)
        kind, value = pickle.loads(data)  # noqa: S301 - see `bulkq.engine.executors.worker_session`
        if kind == "error":
            raise value
        if kind == "cancelled":
            raise WorkerLost("it has cancelled the request")
        return value

    async def _ended(self, sending: asyncio.Future[bytes], timeout_s: float | None) -> None:
        """Wait for an answer, the loss of the worker, or `timeout_s`."""
        waiting: list[asyncio.Future[Any]] = [sending, self._gone]
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def _cancel(self, number: int, sending: asyncio.Future[bytes]) -> None:
        """Cancel a request in the worker, and wait for its end there.

        Raises:
            CancelledError: the worker says that its statement goes on.
        """
        self.later("cancel", number)
        await self._ended(sending, CANCEL_S)
        if not sending.done():
            sending.cancel()
            return
        if sending.cancelled() or sending.exception() is not None or not sending.result():
            return
        kind, value = pickle.loads(sending.result())  # noqa: S301
        if kind == "cancelled" and value:
            raise asyncio.CancelledError(*value)


def _heard(task: asyncio.Task[object]) -> None:
    """Retrieve the error of a definition that no request waits for, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
