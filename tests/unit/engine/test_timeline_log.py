"""The timeline in memory and in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.timeline_log import TimelineLog
from bulkq.ledger import NoLedger
from bulkq.model.run_event import EventKind
from bulkq.model.timeline import parse_segment
from bulkq.policy.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventList(NoLedger):
    """Keeps the events of a run in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[Mapping[str, object]] = []

    def record_event(
        self, kind: EventKind, text: str, *, by: str = "", data: Mapping[str, object] | None = None, soon: bool = True
    ) -> None:
        assert (kind, text, by, soon) == (EventKind.SAMPLE, "", "", False)
        assert data is not None
        self.samples.append(data)


def test_samples_are_recorded_every_minute_and_at_the_end() -> None:
    """A killed run loses a minute at most; what is on record is what the report of the run shows."""
    progress, ledger = Progress(), EventList()
    progress.begin([None], 1000.0, "2026-11-22T13:00:00.000+00:00")
    log = TimelineLog(progress, ledger)
    for second in range(1, 131):
        progress.enter("throttled: file exists" if second > 100 else "", 1000.0 + second)
        log.tick(1000.0 + second)
    assert len(ledger.samples) == 2
    progress.enter("stopping", 1130.5)
    log.end(1130.5)
    pieces = [parse_segment(data) for data in ledger.samples]
    kept = [sample for piece in pieces for sample in piece.samples]
    assert tuple(kept) == progress.whole_timeline().segments[0].samples
    assert len(kept) == 131
    assert (kept[-2].held, kept[-2].why, kept[-1].held) == (1.0, "throttled: file exists", 0.0)
