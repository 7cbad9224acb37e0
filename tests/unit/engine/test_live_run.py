"""A run obeys: what it answers, what it records, and what it takes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.auto_lanes import AutoLanes
from bulkq.engine.live_run import MOST_CHANGES, LiveRun
from bulkq.engine.target_lanes import LaneGroup
from bulkq.errors import RefusedError, UsageError
from bulkq.ledger import NoLedger
from tests.support.lanes import context_of, part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Events(NoLedger):
    """A ledger that keeps events only."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def record_event(
        self, kind: str, text: str, *, by: str = "", data: Mapping[str, object] | None = None, soon: bool = True
    ) -> None:
        assert data is not None
        assert soon
        self.events.append((str(kind), text, by))


class Steered:
    """A run whose lanes do not run, and how it is steered."""

    def __init__(self, folder: Path) -> None:
        (folder / "a.db").touch()
        one = part(f"sqlite:///{folder / 'a.db'}", "select 1", [{}])
        self.context = context_of([one])
        self.ledger = self.context.ledger = Events()
        lanes = LaneGroup([one], self.context, most=4, ordered=True)
        self.context.overflow.close()
        self.live = LiveRun(self.context, [lanes], AutoLanes(self.context, [lanes], active=False))

    @property
    def said(self) -> list[str]:
        return [change.text for change in self.context.progress.changes]


@pytest.fixture
def run(tmp_path: Path) -> Steered:
    """A run with four lanes."""
    return Steered(tmp_path)


def test_a_pause_and_its_end(run: Steered) -> None:
    """Both are recorded with the user; a run that is not paused does not go on."""
    steering = run.live
    with pytest.raises(UsageError, match="resume: the run is not paused"):
        steering.resume("ann@x")
    run.context.progress.in_flight = 3
    assert steering.pause("ann@x", None) == "paused: 3 sets that are running end first"
    run.context.progress.in_flight = 0
    assert steering.pause("bob@y", 60.0) == "paused for 1m"
    assert run.context.pause.by == "bob@y"
    assert steering.resume("ann@x") == "continued after 0s"
    assert not run.context.pause.on
    assert run.ledger.events == [
        ("pause", "paused", "ann@x"),
        ("pause", "paused for 1m", "bob@y"),
        ("continue", "continued after 0s", "ann@x"),
    ]
    assert run.said == ["paused", "paused for 1m", "continued after 0s"]


def test_a_pause_that_would_hold_a_transaction_is_refused(run: Steered) -> None:
    """The reason is that of the run."""
    run.context.pause.refusal = "--snapshot holds a transaction"
    with pytest.raises(RefusedError, match="pause: --snapshot holds a transaction"):
        run.live.pause("ann@x", None)
    assert run.ledger.events == []


def test_settings_are_changed_together_or_not_at_all(run: Steered) -> None:
    """One that is not valid leaves the others as they were."""
    steering = run.live
    with pytest.raises(UsageError, match="nice=x"):
        steering.change(["rate=5/s", "nice=x"], "ann@x", None)
    with pytest.raises(UsageError, match=r"throttle.lag: the run has no such throttle"):
        steering.change(["rate=5/s", "throttle.lag=5s"], "ann@x", None)
    assert (steering.settings("rate"), run.ledger.events) == ({"rate": "none"}, [])
    assert (
        steering.change(["concurrency=2", "rate=5/s"], "ann@x", 90.0) == "concurrency 4 -> 2, rate none -> 5/s for 90s"
    )
    assert steering.settings("") == {"concurrency": "2", "rate": "5/s", "nice": "0", "batch": "auto"}
    assert run.ledger.events[0] == ("change", "concurrency 4 -> 2 for 90s", "ann@x")
    with pytest.raises(UsageError, match='unknown setting "rat"'):
        steering.settings("rat")
    with pytest.raises(UsageError, match=r"throttle.lag: the run has no such throttle: it has concurrency"):
        steering.settings("throttle.lag")


def test_a_timed_change_is_taken_back(run: Steered) -> None:
    """To the value before the first of several; a change without a time stays. A pause ends likewise."""
    steering, now_s = run.live, time.monotonic()
    steering.tick(now_s)
    steering.change(["rate=5/s", "nice=1"], "ann@x", 10.0)
    steering.change(["rate=7/s"], "bob@y", 20.0)
    steering.change(["nice=2"], "bob@y", None)
    steering.pause("ann@x", 5.0)
    steering.tick(now_s + 4)
    assert run.context.pause.on
    steering.tick(now_s + 6)
    assert not run.context.pause.on
    steering.tick(now_s + 15)
    assert steering.settings("rate") == {"rate": "7/s"}
    steering.tick(now_s + 25)
    assert (steering.settings("rate"), steering.settings("nice")) == ({"rate": "none"}, {"nice": "2"})
    assert run.ledger.events[-2:] == [
        ("continue", "continued after 0s, its time is over", ""),
        ("change", "rate 7/s -> none, its time is over", ""),
    ]


def test_a_run_that_ends_obeys_no_more(run: Steered) -> None:
    """A drained run can still be stopped, once; a run whose batches have ended says so."""
    steering = run.live
    assert steering.drain("ann@x") == "stopping: no new batch is started, running queries end first"
    for refused in (steering.drain, steering.resume, lambda by: steering.pause(by, None)):
        with pytest.raises(UsageError, match="the run is stopping already: drained by ann@x"):
            refused("bob@y")
    assert steering.stop("bob@y") == "stopping: the running queries are cancelled"
    assert (run.context.control.reason, run.context.control.exit_code) == ("stopped by bob@y", 5)
    with pytest.raises(UsageError, match="the run is stopping already: stopped by bob@y"):
        steering.stop("ann@x")
    steering.over = True
    with pytest.raises(UsageError, match="every batch has ended: the run is being finished"):
        steering.stop("ann@x")
    assert steering.why() == ["every batch has ended: the run is being finished"]
    assert [kind for kind, _, _ in run.ledger.events] == ["stop", "stop"]


def test_status_and_reasons(run: Steered) -> None:
    """The status has its JSON form; the last changes are in it."""
    for n in range(MOST_CHANGES + 5):
        run.live.change([f"batch={n + 1}"], "ann@x", None)
    assert len(run.said) == MOST_CHANGES
    status = run.live.status()
    assert status["version"] == 1
    assert "batch 24 -> 25" in str(status["changes"])
    assert run.live.why() != []
