"""The workers of a run with `--executor`: what each has done, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.worker_status import WorkerState
from bulkq.policy.worker_counts import workers_text
from bulkq.reports.escape import escape_html

if TYPE_CHECKING:
    from bulkq.model import RunSummary
    from bulkq.model.worker_status import WorkerStatus

DOTS = {WorkerState.LOST: "warn", WorkerState.REFUSED: "error"}
HEAD = "<th>worker</th><th>state</th><th class=n>batches</th><th class=n>sets</th><th class=n>sets cut off</th><th>reason</th>"


def render_workers(summary: RunSummary) -> str:
    """A row for each worker; "" if the run had none."""
    if summary.workers is None:
        return ""
    rows = "".join(map(_row, summary.workers.listed))
    return (
        f"<p class=quiet>{workers_text(summary.workers)}</p>"
        f'<div class="wide"><table class="data"><thead><tr>{HEAD}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(worker: WorkerStatus) -> str:
    return (
        f'<tr><td>{escape_html(worker.address, 200)}</td><td><span class="dot {DOTS.get(worker.state, "pass")}"></span>{worker.state}</td>'
        f"<td class=n>{worker.batches:,}</td><td class=n>{worker.sets:,}</td><td class=n>{worker.lost_sets:,}</td>"
        f"<td class=long>{escape_html(worker.reason, 500)}</td></tr>\n"
    )
