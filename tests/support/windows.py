"""A window over a real sink, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.delivery.backlog import Outlet, WaitingResult
from bulkq.engine.delivery.ordered import OrderedWindow
from bulkq.engine.delivery.unordered import UnorderedWindow
from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.sinks import open_sink

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow
    from bulkq.protocols import Sink


QUERY = Query("q", "select 1 as a")
COLUMNS = (Column("a"),)


class Bench:
    """A window over a sink, and what was recorded."""

    def __init__(self, sink: Sink, store: Overflow, *, lanes: int = 2, ordered: bool = True) -> None:
        self.sink = sink
        self.window = OrderedWindow(lanes, store) if ordered else UnorderedWindow(lanes, store)
        self.recorded: list[int] = []
        self.outlet = Outlet(sink, lambda result: self.recorded.append(result.batch.index))

    def held(self, index: int, value: object = None, **more: bool) -> WaitingResult:
        """What came of batch `index`, one row."""
        result = self.result(index, value)
        payload, weight = self.sink.encode(result)
        return WaitingResult(result, self.outlet, None if more.get("orderless") else payload, weight, **more)

    def result(self, index: int, value: object = None) -> BatchResult:
        """Of one set with one row."""
        value = index if value is None else value
        return BatchResult(Batch(index, index + 1, [()]), QUERY, "t", COLUMNS, [[value]], [0], ok=1)

    async def deliver(self, index: int, value: object = None, **more: bool) -> None:
        """As a lane does it."""
        await self.window.deliver(self.held(index, value, **more), has_turn=False)


def to_file(path: Path) -> Sink:
    """JSON Lines."""
    return open_sink(
        path=str(path), format="jsonl", include=(), run="r", queries=[QUERY], target="t", stdout=None, terminal=False
    )


def lines(count: int) -> bytes:
    """The rows of `count` batches in order."""
    return b"".join(b'{"a":%d}\n' % n for n in range(count))
