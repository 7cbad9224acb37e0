"""Workers as text, and those of several processes."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model.worker_status import WorkersStatus
from bulkq.policy.worker_counts import add_workers, worker_text, workers_text
from tests.support.worker_statuses import WORKERS


def test_workers_as_text() -> None:
    """What did not happen is left out."""
    assert workers_text(WORKERS) == "1 in use, 2 lost, 1 refused"
    assert workers_text(WorkersStatus(executor="x", working=4)) == "4 in use"
    assert [worker_text(one) for one in WORKERS.listed[:2]] == [
        "tcp://a:1 working: 12 batches, 2,400 sets",
        "tcp://b:1 lost (no answer for 10s): 1 batch, 20 sets, 7 sets cut off",
    ]


def test_the_processes_of_a_run_are_added_up() -> None:
    """A worker that two of them have used is one, with the state of the last."""
    later = WorkersStatus(executor="dask=tcp://s:1", working=1, lost=1, listed=(replace(WORKERS.listed[0], sets=100),))
    found = add_workers([WORKERS, later])
    assert found == WorkersStatus(
        executor="dask=tcp://s:1",
        working=1,
        lost=3,
        refused=1,
        listed=(replace(WORKERS.listed[0], batches=24, sets=2_500), *WORKERS.listed[1:]),
    )
    fresh = replace(WORKERS.listed[0], address="tcp://new:1")
    joined = add_workers([WORKERS, replace(later, listed=(fresh,))])
    assert joined is not None
    assert joined.listed == (fresh, *WORKERS.listed)
    assert add_workers([]) is None
