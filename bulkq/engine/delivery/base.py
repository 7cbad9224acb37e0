"""The base of all deliveries: hold results that wait, and write them to the sink.

Each target has a window of its own, so a slow or lost target does not delay the output of another one.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from bulkq.engine.delivery.backlog import Backlog
from bulkq.engine.delivery.overflow import MEMORY_BYTES
from bulkq.engine.delivery.stream_backlog import Aside
from bulkq.errors import StoppedError
from bulkq.model.frozen_dataclass import frozen
from bulkq.protocols import ByteSink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.engine.delivery.backlog import WaitingResult
    from bulkq.engine.delivery.overflow import Overflow
    from bulkq.model import BatchResult
    from bulkq.protocols import Sink

AHEAD_PER_LANE = 4
"""Batches per lane that may wait while the reader of the output is slow, and of a write's answers in any case."""

AHEAD_ANSWERS = 1_000
"""Sets of a write whose answers may wait for an earlier one: a kill loses these answers."""

SLICE_S = 0.01
"""Time after which the lane that writes what has waited lets other tasks run."""


@frozen
class PartialAnswer:
    """An answer that is half written: the bytes behind `offset` are not rows of a batch that has ended."""

    sink: Sink
    offset: int

    def begins_at(self, sink: Sink) -> int | None:
        """Return where the half answer begins, if it goes to `sink`."""
        return self.offset if sink is self.sink else None


class Window(ABC):
    """The results of one target on their way into its sinks.

    What waits is bounded in memory (see `Overflow`), not in number, so a slow query does not hold the other lanes. Lanes are held
    if the reader of the output is slower than they are, or if a kill would lose too many answers of a write.

    Args:
        lanes: of the target, at most; see `resize`.
        overflow: of the run.
    """

    ordered = False
    """Whether results are written in the order of the batches."""

    def __init__(self, lanes: int, overflow: Overflow) -> None:
        self.next = 0
        self.cut = 0
        self.open = True
        self.streaming: PartialAnswer | None = None
        self.overflow = overflow
        self.resize(lanes)
        self._taken = False  # a lane writes into the sink
        self._room = 0  # batches that may wait while it does, if the reader is slow
        self._reader = Reader()
        self._moved = asyncio.Event()
        self._broken = False
        self.backlog = Backlog(overflow)

    def resize(self, lanes: int) -> None:
        """Have `lanes` lanes from now on. Where the number of waiting batches is bounded, it follows that of the lanes."""
        self._most = AHEAD_PER_LANE * lanes

    @property
    def full(self) -> bool:
        """Whether no further batch is to be cut now."""
        backlog = self.backlog
        if self._taken and backlog.all.batches >= self._room and self._reader.slow:
            return True
        answers = backlog.answers
        if answers.batches >= self._most and (answers.sets >= AHEAD_ANSWERS or answers.weight >= MEMORY_BYTES):
            return True
        return backlog.pinned >= MEMORY_BYTES

    async def admit(self) -> None:
        """Wait until another batch may be cut."""
        while self.open and self.full:
            await self._wait()

    def take(self, index: int) -> bool:
        """Take the sink for batch `index` until `deliver` or `give_up`; False if it is not its turn."""
        if self._taken or not self._is_next(index):
            return False
        self._taken = True
        self._room = self.backlog.all.batches + self._most
        self._reader = Reader()
        return True

    async def turn(self, index: int) -> None:
        """Wait until batch `index` can take the sink, and take it.

        Raises:
            StoppedError: an earlier batch will never come.
        """
        while not self.take(index):
            if self._broken:
                raise StoppedError("an earlier batch was given up")
            await self._wait()

    def give_up(self, *, has_turn: bool) -> None:
        """Note that a batch will never be delivered; `flush` or `unwritten` handle what waits behind it."""
        self._broken = True
        if has_turn:
            self._end()
        self._moved.set()

    async def send(self, sink: Sink, payload: object) -> None:
        """Append `payload`; only for the lane that has taken the sink. `bytes` are a piece of COPY."""
        self._reader.begin()
        try:
            if isinstance(payload, bytes):
                assert isinstance(sink, ByteSink)
                waiting = sink.write_bytes(payload)
                if isinstance(waiting, Awaitable):
                    await waiting
            else:
                await sink.write(payload)
        finally:
            self._reader.end()
            self._moved.set()

    async def deliver(self, held: WaitingResult, *, has_turn: bool) -> None:
        """Hand in what came of a batch. If it is its turn, write it and everything that waited for it.

        Raises:
            BulkqError: the output, the ledger or the overflow cannot be written.
        """
        if held.orderless and not has_turn:
            held.outlet.written(held.result)
            self._pass(held.index)
            if self.take(self.next):
                await self._write_from(None)
        elif has_turn or self.take(held.index):
            await self._write_from(held)
        else:
            self.backlog.put(held)
        self.overflow.relieve()

    async def flush(self) -> None:
        """After the lanes have ended: write everything that is complete, also behind a batch that never came."""
        for held in self.backlog.ascending():
            await self._append(held)

    def unwritten(self) -> Iterator[BatchResult]:
        """After the lanes have ended: give back what was not written, in the order of the batches."""
        return (held.result for held in self.backlog.ascending())

    def wake(self) -> None:
        """Let every waiter look again."""
        self._moved.set()

    @abstractmethod
    def _is_next(self, index: int) -> bool:
        """Whether batch `index` may be written now."""

    @abstractmethod
    def _ready(self) -> WaitingResult | None:
        """Take a result out of the backlog that may be written now."""

    @abstractmethod
    def _pass(self, index: int) -> None:
        """Note that batch `index` needs no place in the output any more."""

    def _end(self) -> None:
        self._taken = False
        self.streaming = None
        self._moved.set()

    async def _write_from(self, held: WaitingResult | None) -> None:
        """Write `held`, then what waited for it, and let go of the sink."""
        self.streaming = None
        try:
            while held is not None or (held := self._ready()) is not None:
                await self._write(held)
                held = None
                await self._reader.pause()
        finally:
            self._end()

    async def _write(self, held: WaitingResult) -> None:
        """Write and record one batch. If that fails, it waits on, so that `unwritten` gives it back."""
        try:
            await self._append(held)
        except Exception:
            self.backlog.put(held)
            raise
        self._pass(held.index)

    async def _append(self, held: WaitingResult) -> None:
        outlet = held.outlet
        if outlet.door is None:
            await self._pour(outlet.sink, held.payload)
        else:
            self._reader.begin()
            try:
                await outlet.door.acquire()
            finally:
                self._reader.end()
            try:
                await self._pour(outlet.sink, held.payload)
            finally:
                outlet.door.release()
        held.payload = None
        outlet.written(held.result)

    async def _pour(self, sink: Sink, payload: object) -> None:
        if isinstance(payload, Aside):
            await self.pour(sink, payload)
        elif payload is not None:
            await self.send(sink, payload)

    async def pour(self, sink: Sink, aside: Aside) -> None:
        """Append what was kept aside of a streamed answer; only for the lane that has taken the sink."""
        positions = sink.positions()
        begun = None
        if self.streaming is None and positions:
            begun = self.streaming = PartialAnswer(sink, positions[0].offset)
        try:
            payload: object = None
            for payload in aside.read(self.overflow):
                await self.send(sink, payload)
                await self._reader.pause()
            if isinstance(payload, bytes):
                await self.send(sink, b"")
        except BaseException:
            if begun is not None:
                sink.back_to(begun.offset)
            raise
        if begun is not None:
            self.streaming = None
        aside.forget(self.overflow)

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()


class Reader:
    """The time that the reader of an output took, since a lane began to write."""

    __slots__ = ("_began_s", "_blocked_s", "_paused_s", "_since_s")

    def __init__(self) -> None:
        self._began_s = self._paused_s = time.monotonic()
        self._blocked_s = 0.0
        self._since_s: float | None = None

    def begin(self) -> None:
        """A write begins."""
        self._since_s = time.monotonic()

    def end(self) -> None:
        """It has ended."""
        if self._since_s is not None:
            self._blocked_s += time.monotonic() - self._since_s
            self._since_s = None

    async def pause(self) -> None:
        """Let other tasks run, if the last pause was longer than `SLICE_S` ago."""
        if time.monotonic() - self._paused_s > SLICE_S:
            await asyncio.sleep(0)
            self._paused_s = time.monotonic()

    @property
    def slow(self) -> bool:
        """Whether writing took half of the time or more."""
        now_s = time.monotonic()
        waits_s = self._blocked_s + (now_s - self._since_s if self._since_s is not None else 0.0)
        return 2 * waits_s >= now_s - self._began_s
