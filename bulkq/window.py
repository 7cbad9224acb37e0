"""Output order: results wait here until every earlier batch was written, and lanes wait when too much does. Called by the lanes.

Each target has a window of its own, so that one which is slow or gone never holds back the answers of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from bulkq.errors import StoppedError
from bulkq.protocols import ByteSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Batch, BatchResult, Query
    from bulkq.permits import Permit
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Sink

AHEAD_PER_LANE = 4
"""Batches per lane that may wait for their turn behind the first gap in output order."""

AHEAD_BYTES = 32 * 1024 * 1024
"""The same in bytes of encoded output."""


class Window:
    """Output order: results wait here until every earlier batch was written; lanes wait when too much does.

    The lane that owes the gap never waits here before it has delivered, so the window cannot lock up.
    """

    def __init__(self, lanes: int, *, ordered: bool) -> None:
        self.next = 0
        self.cut = 0
        self._ordered = ordered
        self._limit = AHEAD_PER_LANE * lanes
        self._waiting: dict[int, Held] = {}
        self._weight = 0
        self._writing = asyncio.Lock()
        self._moved = asyncio.Event()
        self.open = True
        self.streaming: Turn | Aside | None = None
        """Whose result is half written; what it has appended is not to be taken for rows of batches that ended."""

        self._broken = False

    @property
    def full(self) -> bool:
        """Whether as much as may wait is waiting."""
        return bool(self._waiting) and (self.cut - self.next >= self._limit or self._weight >= AHEAD_BYTES)

    async def admit(self) -> None:
        """Wait until another batch may be cut."""
        while self.open and self.full:
            await self._wait()

    async def turn(self, index: int) -> None:
        """Wait until batch `index` is the next to be written, and keep all others out until `deliver`.

        Raises:
            StoppedError: an earlier batch will never come.
        """
        while self._ordered and self.next != index:
            if self._broken:
                raise StoppedError("an earlier batch was given up")
            await self._wait()
        await self._writing.acquire()

    def give_up(self, *, has_turn: bool) -> None:
        """A batch will never be delivered: what waits behind it is written by `flush`, when the run has stopped."""
        self._broken = True
        if has_turn:
            self.streaming = None
            self._writing.release()
        self._moved.set()

    async def deliver(self, held: Held, *, has_turn: bool) -> None:
        """Hand in what came of a batch; writes it, and all that waited for it, when it is its turn."""
        self._waiting[held.result.batch.index] = held
        self._weight += held.weight
        if not has_turn:
            await self._writing.acquire()
        self.streaming = None
        try:
            await self._write_ready()
        finally:
            self._writing.release()

    async def flush(self, *, gaps: bool) -> list[BatchResult]:
        """After lanes were cancelled: write what is complete; with `gaps` also what stands behind a batch that never came.

        Without, those results are given back unwritten: a resumed run asks again, and its output is in order.
        """
        async with self._writing:
            if gaps or not self._ordered:
                for index in sorted(self._waiting):
                    await self._waiting.pop(index).write()
            return [held.result for held in self._waiting.values()]

    def wake(self) -> None:
        """Let every waiter look again."""
        self._moved.set()

    async def _write_ready(self) -> None:
        while held := self._waiting.pop(self.next if self._ordered else next(iter(self._waiting), -1), None):
            self._weight -= held.weight
            await held.write()
            self.next += 1
            self._moved.set()

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()


class Apart(Window):
    """No order: every batch has a sink of its own, and nobody waits for anybody."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, ordered=False)

    async def turn(self, index: int) -> None:
        """It is everybody's turn."""

    def give_up(self, *, has_turn: bool) -> None:
        """Nothing waits behind it."""

    async def deliver(self, held: Held, *, has_turn: bool) -> None:  # noqa: ARG002 - nobody has one
        """Write it."""
        await held.write()


class Turn:
    """A lane's access to its sink while a result streams in; `bulkq.worker.Pieces` over a part's sink."""

    def __init__(
        self, window: Window, progress: Progress, sink: Sink, query: Query, batch: Batch, permit: Permit
    ) -> None:
        self.has = False
        self._permit = permit
        self.copy_delimiter: str | None = None
        if not query.parameters and isinstance(sink, ByteSink):
            self.copy_delimiter = sink.copy_delimiter()
        self._window = window
        self._progress = progress
        self._sink = sink
        self._index = batch.index
        self._mark = 0

    def begins_at(self, sink: Sink) -> int | None:
        """Where the half answer begins, if it goes to `sink`."""
        return self._mark if sink is self._sink else None

    async def begin(self) -> None:
        """Take the turn; when it is ours already, forget what the earlier attempt wrote."""
        if self.has:
            self._sink.back_to(self._mark)
            return
        async with self._permit.lent():
            await self._window.turn(self._index)
        self.has = True
        self._mark = self._sink.mark()
        self._window.streaming = self

    async def write(self, result: BatchResult) -> None:
        """Append a piece of the result."""
        payload, _ = self._sink.encode(result)
        await self._sink.write(payload)
        self._progress.rows += result.rows

    def write_bytes(self, data: bytes) -> object:
        """Append bytes that the server formatted; an awaitable where the reader is slow."""
        assert isinstance(self._sink, ByteSink)
        return self._sink.write_bytes(data)

    def forget(self) -> None:
        """The set failed in the end: half an answer is no answer."""
        if self.has:
            self._sink.back_to(self._mark)

    def give_up(self) -> None:
        """The lane ends without a result."""
        if self.has:
            with contextlib.suppress(StoppedError):  # somebody has read it; nothing can be taken back from a pipe
                self._sink.back_to(self._mark)
        self._window.give_up(has_turn=self.has)


IN_MEMORY = 4 * 1024 * 1024
"""Bytes of one streamed answer that wait in memory; what is more waits on disk."""


class Aside:
    """Where a result streams to while other targets write into the same sink: `bulkq.worker.Pieces` over a file nobody sees.

    Holding the sink for as long as one target takes to answer would hold back all the others.
    """

    copy_delimiter: str | None = None
    has = False

    def __init__(self, window: Window, progress: Progress, sink: Sink) -> None:
        self.filled = False
        self._window = window
        self._progress = progress
        self._sink = sink
        self._begins: int | None = None
        self._file: SpooledTemporaryFile[bytes] | None = None

    async def begin(self) -> None:
        """Forget what an earlier attempt wrote."""
        self.forget()
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it was poured, or forgotten
        self.filled = True

    async def write(self, result: BatchResult) -> None:
        """Keep a piece of the result."""
        assert self._file is not None
        payload, _ = self._sink.encode(result)
        pickle.dump(payload, self._file, pickle.HIGHEST_PROTOCOL)
        self._progress.rows += result.rows

    def write_bytes(self, data: bytes) -> object:
        """Never called: there is no COPY into an output that several targets share."""
        raise AssertionError(f"{len(data)} bytes of COPY")

    def forget(self) -> None:
        """The set failed in the end, or is tried again."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self.filled = False

    def give_up(self) -> None:
        """The lane ends without a result."""
        self.forget()
        self._window.give_up(has_turn=False)

    def begins_at(self, sink: Sink) -> int | None:
        """Where the half answer begins while it is poured into `sink`."""
        return self._begins if sink is self._sink else None

    async def pour(self) -> None:
        """Append all pieces; called when nobody else writes into the sink."""
        assert self._file is not None
        positions = self._sink.positions()
        self._begins = positions[0].offset if positions else None
        self._window.streaming = self
        try:
            self._file.seek(0)
            while True:
                try:
                    payload = pickle.load(self._file)  # noqa: S301 - our own file, which nobody else can open
                except EOFError:
                    break
                await self._sink.write(payload)
        finally:
            self._window.streaming = None
            self.forget()


@dataclass(slots=True)
class Held:
    """A result on its way to the sink. The rows were encoded already and are not kept twice."""

    result: BatchResult
    sink: Sink
    payload: object
    weight: int
    written: Callable[[BatchResult], None]
    door: asyncio.Lock | None = None
    """Of a sink into which several targets write."""

    async def write(self) -> None:
        """Write the rows and record the batch."""
        if self.door is None:
            return await self._write()
        async with self.door:
            return await self._write()

    async def _write(self) -> None:
        if isinstance(self.payload, Aside):
            await self.payload.pour()
        elif self.payload is not None:
            await self.sink.write(self.payload)
        self.payload = None
        self.written(self.result)
