"""The workers of a run, as tests of displays and reports show them."""

from __future__ import annotations

from bulkq.model.worker_status import WorkersStatus, WorkerState, WorkerStatus

WORKERS = WorkersStatus(
    executor="dask:local=2",
    working=1,
    lost=2,
    refused=1,
    listed=(
        WorkerStatus(address="tcp://a:1", connections=2, batches=12, sets=2_400),
        WorkerStatus(
            address="tcp://b:1", state=WorkerState.LOST, reason="no answer for 10s", batches=1, sets=20, lost_sets=7
        ),
        WorkerStatus(address="tcp://c:1", state=WorkerState.REFUSED, reason="it has bulkq <9.9>"),
    ),
)
