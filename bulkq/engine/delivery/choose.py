"""Which delivery the parts of a target have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.delivery.backlog import Outlet
from bulkq.engine.delivery.ordered import OrderedWindow
from bulkq.engine.delivery.streaming import SinkDelivery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.engine.delivery.overflow import Overflow
    from bulkq.engine.delivery.unordered import UnorderedWindow
    from bulkq.engine.part_state import PartState
    from bulkq.engine.run_context import RunContext
    from bulkq.model import BatchResult


def choose_delivery(
    parts: Sequence[PartState],
    context: RunContext,
    *,
    lanes: int,
    ordered: bool,
    written: Callable[[BatchResult], None],
) -> SinkDelivery:
    """The delivery of one target. Of its parts, all are checks or none, and all are mapped or none.

    Args:
        parts: of the target.
        context: of the run.
        lanes: of the target, at most.
        ordered: whether results are written in the order of the input.
        written: records a batch that was written.
    """
    overflow, progress = context.overflow, context.progress
    judges = {part.spec.number: part.judge for part in parts if part.judge is not None}
    if judges:
        from bulkq.engine.delivery.unordered import SeparateWindow
        from bulkq.engine.delivery.verdict_delivery import EvaluatedDelivery

        return EvaluatedDelivery(SeparateWindow(lanes, overflow), progress, judges, written)
    window = _window(lanes, overflow, ordered=ordered)
    outlets = {
        part.spec.number: Outlet(
            part.sink,
            written,
            context.locks.get(id(part.sink)),
            reads=part.spec.limits.read_only,
            noted=part.record_started is not None,
        )
        for part in parts
    }
    mappers = {part.spec.number: part.mapper for part in parts if part.mapper is not None}
    if mappers:
        from bulkq.engine.delivery.mapped import MappedDelivery

        return MappedDelivery(window, outlets, progress, mappers)
    return SinkDelivery(window, outlets, progress)


def _window(lanes: int, overflow: Overflow, *, ordered: bool) -> OrderedWindow | UnorderedWindow:
    if ordered:
        return OrderedWindow(lanes, overflow)
    from bulkq.engine.delivery.unordered import UnorderedWindow

    return UnorderedWindow(lanes, overflow)
