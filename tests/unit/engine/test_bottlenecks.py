"""Why a run is not faster: every reason that there can be, of runs that stand still."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.auto_lanes import AutoLanes
from bulkq.engine.bottlenecks import reasons
from bulkq.engine.target_lanes import LaneGroup
from bulkq.engine.throttle_gates_by_target import Gates
from bulkq.policy.gentle_pace import GentlePace, ServerLoad
from bulkq.policy.pace import Pace, Rate
from bulkq.policy.row_progress import RowProgress
from tests.support.lanes import context_of, part
from tests.support.throttles import Held

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.run_context import RunContext


class Standing:
    """A run of one part whose lanes do not run."""

    def __init__(self, folder: Path, throttle: Held | None = None) -> None:
        (folder / "a.db").touch()
        self.part = part(f"sqlite:///{folder / 'a.db'}", "select 1", [{}])
        self.context: RunContext = context_of([self.part])
        if throttle is not None:
            sessions = self.part.sessions
            self.context.gates = Gates(throttle, [sessions], self.context.limiter.busy, lambda _: None, Pace(None))
        self.lanes = LaneGroup([self.part], self.context, most=4, ordered=True)
        self.context.limiter.busy.add(self.part.sessions)
        self.context.overflow.close()
        self.auto = AutoLanes(self.context, [self.lanes], active=False)

    def reasons(self) -> list[str]:
        return reasons(self.context, [self.lanes], self.auto)


def test_a_run_that_nothing_holds(tmp_path: Path) -> None:
    """The lanes that work, of those that may; what would allow more; `-j auto` has its own reason."""
    run = Standing(tmp_path)
    assert [reason.partition(":")[0] for reason in run.reasons()] == ["0 of 4 lanes work"]
    run.context.limiter.busy.clear()
    assert run.reasons() == ["0 of 4 lanes work, a query takes - (median)"]
    run.context.limiter.resize(0)
    assert run.reasons() == [
        "all 0 lanes of -j work, a query takes - (median): bulkq ctl set concurrency=N allows more"
    ]
    run.context.pace.nice = 1.0
    assert run.reasons()[1] == "all 0 lanes of -j work, a query takes - (median)"
    run.context.pace.nice = 0.0
    gentle = GentlePace()
    gentle.start(ServerLoad({}, busy=1), 0.0)
    run.context.pace.gentle = {"a": gentle}
    assert run.reasons()[0].startswith("nice=auto measures how long")
    gentle.on = False
    run.context.progress.lanes, run.context.progress.lanes_why = 2, "lag is at 80 % of its limit"
    assert run.reasons() == ["2 of 0 lanes may work: lag is at 80 % of its limit"]
    run.auto.begin()
    assert run.reasons() == ["-j auto: 0 lanes work, still measuring"]


def test_what_holds_every_lane_comes_first(tmp_path: Path) -> None:
    """A stop, a pause, a server that is away, throttles, the pace."""
    held = Held("file hold exists")
    run = Standing(tmp_path, held)
    context = run.context
    context.control.drain("interrupted")
    context.pause.begin("ann@x")
    run.part.sessions.lost = run.part.sessions.held = True
    context.gates.of(run.part.sessions).reason = "file hold exists"
    context.pace.change(Rate(2.0))
    context.pace.nice, context.pace.largest = 0.5, 10
    context.pace.spend(20, time.monotonic())
    found = run.reasons()
    assert found[0] == "the run is stopping: interrupted"
    assert found[1].startswith("paused by ann@x, for ")
    assert found[2].endswith("the server cannot be reached: waiting for it")
    assert found[3] == "throttled: file hold exists"
    assert found[4].startswith("rate=2/s: the next batch begins in ")
    assert found[5:7] == [
        "nice=0.5: each connection pauses for 0.5 times its work",
        "batch=10: a batch has no more sets",
    ]
    context.pace.change(Rate(2.0, rows=True))
    assert "rate=2rows/s, which does not hold it now" in run.reasons()


def test_what_lanes_wait_for(tmp_path: Path) -> None:
    """The source, locks, the output, retries."""
    run = Standing(tmp_path)
    progress = run.context.progress
    run.lanes.taking = object()  # type: ignore[assignment]
    progress.row_progress = RowProgress(None, "none")
    progress.row_progress.holds = "waiting for locks: pid 5"
    progress.waiting_for, progress.waiting = 7, 3
    progress.counts = replace(progress.counts, ok=10, retried=5)
    assert run.reasons()[:4] == [
        "waiting for locks: pid 5",
        f"{run.part.sessions.driver.target}: waiting for the next parameter sets of the source",
        "the output waits for set 7, and 3 results wait behind it",
        "5 sets were sent again",
    ]
    progress.row_progress.holds = "server"
    assert run.reasons()[0] == "the server executes the ranges"
