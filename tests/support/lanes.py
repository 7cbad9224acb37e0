"""Parts on a real SQLite file and the lanes that execute them, without a runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.part_state import PartState
from bulkq.engine.pool import ConnectionPool
from bulkq.engine.run_context import RunContext, StopLimits
from bulkq.engine.stop_control import Control
from bulkq.engine.target_lanes import LaneGroup
from bulkq.ledger import NoLedger
from bulkq.model import Decoding, Limits, PartSpec, Target
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.progress import Progress
from bulkq.query import inline
from bulkq.sinks.discard_rows import NoSink
from bulkq.sources.iterable import MappingSource
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import BatchResult


class Ended:
    """An observer that keeps the numbers of the sets that ended."""

    def __init__(self) -> None:
        self.first: list[int] = []

    def started(self, progress: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None: ...
    def batch_done(self, result: BatchResult) -> None:
        self.first.append(result.batch.first)


def part(url: str, sql: str, sets: Iterable[dict[str, object]], *, write: bool = False, batch: int = 2) -> PartState:
    """A part with connections of its own."""
    driver = open_target(Target(url=url), application_name="test", read_only=not write)
    sessions = ConnectionPool(driver, outage_s=1, say=lambda _: None, writes=write)
    query = inline(sql, "sqlite")
    spec = PartSpec(
        query=query,
        target="t",
        decoding=Decoding.PYTHON,
        typed=True,
        limits=Limits(read_only=not write),
        retries=0,
        answers=False,
    )
    source = MappingSource(query, sets, dynamic=True)
    return PartState(spec, source, NoSink(), sessions, BatchSize(batch))


def context_of(parts: Sequence[PartState], ended: Ended | None = None, **rules: object) -> RunContext:
    """Four slots."""
    return RunContext(
        parts,
        concurrency=4,
        progress=Progress(),
        observers=[ended] if ended is not None else [],
        control=Control(),
        rules=StopLimits(**rules),  # type: ignore[arg-type]
        ledger=NoLedger(),
    )


async def run(one: PartState, context: RunContext) -> LaneGroup:
    """Run a part to its end or to a stop."""
    group = LaneGroup([one], context, most=4, ordered=True)
    try:
        await group.run()
    finally:
        await one.sessions.close()
        context.overflow.close()
    return group
