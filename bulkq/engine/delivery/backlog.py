"""The results of one window that wait: in memory, and beyond a bound in the overflow. Memory does not grow with their number.

What goes into the overflow goes there as runs: records sorted by batch, of which only the first is known here.
"""

from __future__ import annotations

import heapq
import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bulkq.engine.delivery.overflow import Extent, SharedObject
from bulkq.engine.delivery.stream_backlog import Aside
from bulkq.model.frozen_dataclass import mutable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from bulkq.engine.delivery.overflow import Overflow
    from bulkq.model import BatchResult
    from bulkq.protocols import Sink

RUN_BYTES = 4 * 1024 * 1024
"""Weight of the results that go into the overflow together."""

RECORD_BYTES = 1_000
FAILURE_BYTES = 2_000
"""Memory that a result takes beside its rows, and each of its failures. Measured with single sets and short values."""

HEAD = struct.Struct("<QQ")
"""Before each record: the batch's index and the length of the record."""


@mutable
class Outlet(SharedObject):
    """Where the results of a part go."""

    sink: Sink
    written: Callable[[BatchResult], None]
    door: asyncio.Lock | None = None
    """Of a sink that several targets write to."""

    reads: bool = True
    """Whether the part changes nothing, so that its answers can be requested again."""

    noted: bool = False
    """Whether the ledger records each set before it is sent."""


@mutable
class WaitingResult:
    """A result on its way to the sink. The rows are encoded and are not kept twice."""

    result: BatchResult
    outlet: Outlet
    payload: object
    weight: int
    orderless: bool = False
    """Nothing of it is written or told, so it is recorded at once."""

    answer: bool = False
    """A write's answer, which cannot be requested again."""

    @property
    def index(self) -> int:
        """The batch's place in the run."""
        return self.result.batch.index

    @property
    def size(self) -> int:
        """Bytes in memory and in the overflow."""
        return self.weight + (self.payload.size if isinstance(self.payload, Aside) else 0)

    def slim(self) -> None:
        """Drop the parameter sets, and count what is left; a second call does nothing."""
        batch = self.result.batch
        if isinstance(batch.sets, range):
            return
        batch = replace(batch, sets=cast("list[tuple[object, ...]]", range(len(batch.sets))), lines=())
        self.result = replace(self.result, batch=batch, values=(), positions=())
        told = len(self.result.failures) + len(self.result.unanswered)
        self.weight += RECORD_BYTES + FAILURE_BYTES * told


@mutable
class Amount:
    """How much waits."""

    batches: int = 0
    sets: int = 0
    weight: int = 0

    def add(self, held: WaitingResult, sign: int = 1) -> None:
        """Count a result, with `sign` -1 one that leaves."""
        self.batches += sign
        self.sets += sign * len(held.result.batch.sets)
        self.weight += sign * held.size


@mutable(eq=False)
class _SortedRun:
    """Records in ascending order of their batches; `index` and `size` are those of the first that is left."""

    index: int
    size: int
    place: Extent
    at: int

    def __lt__(self, other: _SortedRun) -> bool:
        return self.index < other.index


class Backlog:
    """Results by batch. `all` counts what waits, `answers` the answers of writes among it."""

    def __init__(self, overflow: Overflow) -> None:
        self.weight = 0
        self.pinned = 0
        """Bytes of results that cannot leave memory: they hold values that cannot be pickled."""

        self.all = Amount()
        self.answers = Amount()
        self._overflow = overflow
        self._held: dict[int, WaitingResult] = {}
        self._pinned: dict[int, int] = {}
        self._runs: list[_SortedRun] = []
        overflow.heaps.append(self)

    def put(self, held: WaitingResult) -> None:
        """Keep a result, which was encoded: its parameter sets are dropped."""
        held.slim()
        self._held[held.index] = held
        self._weigh(held.weight)
        self._count(held, 1)

    def pop(self, index: int) -> WaitingResult | None:
        """Take the result of batch `index`, which no waiting result precedes; None if it is not here."""
        held = self._held.pop(index, None)
        if held is not None:
            self._weigh(-held.weight)
            self.pinned -= self._pinned.pop(index, 0)
        elif self._runs and self._runs[0].index == index:
            held = self._from_run()
        else:
            return None
        self._count(held, -1)
        return held

    def pop_any(self) -> WaitingResult | None:
        """Take a result, in no order; None if none is left."""
        if self._held:
            return self.pop(next(iter(self._held)))
        return self.pop(self._runs[0].index) if self._runs else None

    def ascending(self) -> Iterator[WaitingResult]:
        """Take one result after the other, in the order of the batches. Nothing else changes meanwhile."""
        here = sorted(self._held, reverse=True)
        while here or self._runs:
            first = not self._runs or (here and here[-1] < self._runs[0].index)
            held = self.pop(here.pop() if first else self._runs[0].index)
            assert held is not None
            yield held

    def spill(self) -> None:
        """Move the latest results, `RUN_BYTES` of them, into the overflow.

        Raises:
            StoppedError: they cannot be written; they stay here.
        """
        file = io.BytesIO()
        moved: list[tuple[int, int]] = []
        for index in self._latest():
            record = io.BytesIO()
            try:
                self._overflow.dump(self._held[index], record)
            except Exception:  # noqa: BLE001 - a value of the user's: whatever its class raises
                self._pinned[index] = self._held[index].weight
                self.pinned += self._held[index].weight
                continue
            data = record.getvalue()
            file.write(HEAD.pack(index, len(data)))
            file.write(data)
            moved.append((index, len(data)))
        if not moved:
            return
        place = self._overflow.append(file.getvalue())
        heapq.heappush(self._runs, _SortedRun(*moved[0], place, place.offset + HEAD.size))
        for index, _ in moved:
            self._weigh(-self._held.pop(index).weight)

    def _latest(self) -> list[int]:
        """Indexes of the results to move, ascending."""
        found: list[int] = []
        weight = 0
        for index in sorted(self._held, reverse=True):
            if index not in self._pinned:
                found.append(index)
                weight += self._held[index].weight
            if weight >= RUN_BYTES:
                break
        return found[::-1]

    def _from_run(self) -> WaitingResult:
        """Take the first record of the first run."""
        run = self._runs[0]
        end = run.place.offset + run.place.size
        last = run.at + run.size == end
        data = self._overflow.read(Extent(run.place.segment, run.at, run.size + (0 if last else HEAD.size)))
        held = cast("WaitingResult", self._overflow.load(data[: run.size]))
        if last:
            heapq.heappop(self._runs)
            self._overflow.free(run.place)
        else:
            run.at += len(data)
            run.index, run.size = HEAD.unpack_from(data, run.size)
            heapq.heapreplace(self._runs, run)
        return held

    def _weigh(self, weight: int) -> None:
        self.weight += weight
        self._overflow.grow(weight)

    def _count(self, held: WaitingResult, sign: int) -> None:
        self.all.add(held, sign)
        if held.answer:
            self.answers.add(held, sign)
