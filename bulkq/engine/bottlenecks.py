"""Why a run is not faster: what holds its lanes, and what bounds their number."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkq.engine.auto_lanes import useful_bound
from bulkq.text.durations import latency_text, spaced_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.engine.auto_lanes import AutoLanes
    from bulkq.engine.run_context import RunContext
    from bulkq.engine.target_lanes import LaneGroup

RETRIED = 0.01
"""Share of sets that were sent again from which on this is a reason."""


def reasons(context: RunContext, targets: Sequence[LaneGroup], auto: AutoLanes) -> list[str]:
    """Return all reasons, those first that hold every lane.

    Unless the run is paused, the last one is what would have to change if nothing holds them.
    """
    held = [*_holds(context, targets), *_pace(context), *_waits(context, targets)]
    return held if context.pause.on else [*held, *_bounds(context, targets, auto, alone=not held)]


def _holds(context: RunContext, targets: Sequence[LaneGroup]) -> Iterator[str]:
    """What keeps lanes from beginning a batch."""
    if context.control.draining:
        yield f"the run is stopping: {context.control.reason or 'its output was closed'}"
    if context.pause.on:
        yield f"paused by {context.pause.by}, for {spaced_duration(context.pause.lasts_s)}"
    for lanes in targets:
        if lanes.busy and lanes.sessions.lost:
            yield f"{lanes.sessions.driver.target}: the server cannot be reached: waiting for it"
    if context.gates.state:
        yield context.gates.state


def _pace(context: RunContext) -> Iterator[str]:
    pace = context.pace
    if pace.rate is not None:
        wait_s = pace.wait_s(time.monotonic())
        held = f": the next batch begins in {spaced_duration(wait_s)}" if wait_s else ", which does not hold it now"
        yield f"rate={pace.rate.text}{held}"
    whys = dict.fromkeys(gentle.why for gentle in pace.gentle.values())
    yield from (why for why in whys if why and why != context.progress.lanes_why)
    if pace.nice:
        yield f"nice={pace.nice:g}: each connection pauses for {pace.nice:g} times its work"
    if pace.largest is not None:
        yield f"batch={pace.largest}: a batch has no more sets"


def _waits(context: RunContext, targets: Sequence[LaneGroup]) -> Iterator[str]:
    """What lanes wait for that have no throttle to wait for."""
    progress = context.progress
    rows = progress.row_progress
    if rows is not None and rows.holds and not progress.state:
        yield "the server executes the ranges" if rows.holds == "server" else rows.holds
    for lanes in targets:
        part = lanes.part()
        if lanes.taking is not None:
            yield f"{lanes.sessions.driver.target}: waiting for the next parameter sets of the source"
        if part is not None and part.order is not None and part.order.blocked:
            yield "writes of one row wait for one another, in the order of the input"
    if progress.waiting_for is not None:
        yield f"the output waits for set {progress.waiting_for}, and {progress.waiting} results wait behind it"
    if progress.counts.retried > max(1.0, RETRIED * progress.done):
        yield f"{progress.counts.retried} sets were sent again"


def _bounds(context: RunContext, targets: Sequence[LaneGroup], auto: AutoLanes, *, alone: bool) -> Iterator[str]:
    """What bounds the number of lanes. More of them are advised only if there is no other reason."""
    working = sum(lanes.at_work for lanes in targets) - context.pause.lanes
    middle = latency_text(context.progress.latencies.quantile(0.5))
    allowed, why = context.limiter.concurrency, context.progress.lanes_why
    if auto.active:
        yield f"-j auto: {working} lanes work, {why}"
        return
    if why:
        yield f"{context.progress.lanes} of {allowed} lanes may work: {why}"
        return
    busy = [lanes for lanes in targets if lanes.busy and lanes.part() is not None]
    bound = min((useful_bound(lanes) for lanes in busy), default=None)
    if bound is not None and len(busy) == 1 and bound[0] < allowed:
        yield f"{working} of {allowed} lanes work: {bound[1]}"
    elif working >= allowed:
        advice = ": bulkq ctl set concurrency=N allows more" if alone else ""
        yield f"all {allowed} lanes of -j work, a query takes {middle} (median){advice}"
    else:
        yield f"{working} of {allowed} lanes work, a query takes {middle} (median)"
