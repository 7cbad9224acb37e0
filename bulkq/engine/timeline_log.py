"""Keep the timeline of a run: a sample for each second in memory, and in the ledger every minute. At the end, its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.run_event import EventKind
from bulkq.model.timeline import segment_pieces

if TYPE_CHECKING:
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger

RECORD_S = 60.0
"""A run that is killed loses the samples of this time at most."""


class TimelineLog:
    """The timeline of a run in its progress and its ledger.

    Args:
        progress: of the run, which has the timeline.
        ledger: keeps the samples, as events.
    """

    def __init__(self, progress: Progress, ledger: Ledger) -> None:
        self._progress, self._ledger = progress, ledger
        self._recorded_s = progress.started_s

    def tick(self, now_s: float) -> None:
        """Note the state of the run at `now_s`, which is `time.monotonic()`."""
        progress = self._progress
        progress.timeline.record(
            now_s,
            progress.passed,
            size=progress.size,
            lanes=progress.lanes_working,
            held=progress.held,
            readings=progress.throttles,
        )
        if now_s - self._recorded_s >= RECORD_S:
            self._record(now_s)

    def end(self, now_s: float) -> None:
        """Add the last sample, and record what is not on record."""
        progress = self._progress
        progress.timeline.end(
            now_s, progress.passed, size=progress.size, lanes=progress.lanes_working, readings=progress.throttles
        )
        self._record(now_s)

    def _record(self, now_s: float) -> None:
        self._recorded_s = now_s
        progress = self._progress
        taken = progress.timeline.take(progress.started_at, progress.rate_unit)
        for piece in segment_pieces(taken):
            self._ledger.record_event(EventKind.SAMPLE, "", data=piece, soon=False)


def record_workers(progress: Progress, ledger: Ledger) -> None:
    """Record what the workers of a run with `--executor` have done."""
    workers = progress.workers()
    if workers is not None:
        from bulkq.model.worker_status import workers_object
        from bulkq.policy.worker_counts import workers_text

        ledger.record_event(EventKind.WORKERS, workers_text(workers), data=workers_object(workers))
