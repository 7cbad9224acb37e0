"""The workers of a run as text, and those of several processes of a run together. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.model.worker_status import WorkersStatus
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model.worker_status import WorkerStatus


def workers_text(status: WorkersStatus) -> str:
    """Return `4 in use, 2 lost, 1 refused`."""
    more = [f"{count:,} {word}" for word, count in (("lost", status.lost), ("refused", status.refused)) if count]
    return ", ".join([f"{status.working:,} in use", *more])


def worker_text(worker: WorkerStatus) -> str:
    """Return `tcp://10.0.0.7:40123 lost (no answer for 10s): 120 batches, 2,400 sets, 40 sets cut off`."""
    reason = f" ({worker.reason})" if worker.reason else ""
    cut_off = f", {counted(worker.lost_sets, 'set')} cut off" if worker.lost_sets else ""
    done = f"{counted(worker.batches, 'batch', 'batches')}, {counted(worker.sets, 'set')}{cut_off}"
    return f"{worker.address} {worker.state}{reason}: {done}"


def add_workers(statuses: Iterable[WorkersStatus]) -> WorkersStatus | None:
    """Return the workers of several processes of a run; None if there is none. States are those of the last process.

    A worker that several processes have used is one.
    """
    total: WorkersStatus | None = None
    for status in statuses:
        total = status if total is None else _add(total, status)
    return total


def _add(earlier: WorkersStatus, later: WorkersStatus) -> WorkersStatus:
    before = {worker.address: worker for worker in earlier.listed}
    listed = [add_worker(before.pop(worker.address, None), worker) for worker in later.listed]
    return WorkersStatus(
        executor=later.executor,
        working=later.working,
        lost=earlier.lost + later.lost,
        refused=max(earlier.refused, later.refused),
        listed=(*listed, *before.values()),
    )


def add_worker(before: WorkerStatus | None, worker: WorkerStatus) -> WorkerStatus:
    """Return `worker` with what it did `before`; None for nothing."""
    if before is None:
        return worker
    return replace(
        worker,
        batches=before.batches + worker.batches,
        sets=before.sets + worker.sets,
        lost_sets=before.lost_sets + worker.lost_sets,
    )
