"""Make the counters of a job, with what does not change while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.ledger.owners import this_process
from bulkq.policy.progress import Progress

if TYPE_CHECKING:
    from bulkq.lifecycle.command_steps import Job
    from bulkq.lifecycle.prepare_workers import OpenExecutor


def begin_progress(
    job: Job, executor: OpenExecutor | None, *, name: str, command: str, mode: str, concurrency: int | None
) -> Progress:
    """Return the counters of `job`, at zero. The arguments are as in `RunStatus`; `concurrency` is its `lanes.wanted`."""
    made = Progress(
        run=job.run,
        name=name,
        command=command,
        mode=mode,
        concurrency=concurrency,
        process=str(this_process()),
    )
    if executor is not None:
        made.workers = executor.cluster.roster.status
    return made
