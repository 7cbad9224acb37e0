"""The objects of a maintenance run: what was done, what was not and why, sizes before and after, and the slowest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.maintenance import ObjectState
from bulkq.reports.escape import escape_html
from bulkq.reports.summary_lines import sum_totals
from bulkq.text.byte_sizes import size_text
from bulkq.text.durations import spaced_duration

if TYPE_CHECKING:
    from bulkq.model import RunSummary
    from bulkq.model.maintenance import ObjectResult

SHOWN = 500
"""Objects in the table; those that were not done come first."""

DOTS = {
    ObjectState.DONE: "pass",
    ObjectState.SKIPPED: "warn",
    ObjectState.FAILED: "fail",
    ObjectState.UNKNOWN: "error",
    ObjectState.GONE: "warn",
}
HEAD = "<th>outcome</th><th>object</th><th>target</th><th class=n>time</th><th class=n>before</th><th class=n>after</th><th>reason</th>"


def render_objects(summary: RunSummary) -> str:
    """A row for each object that this process has worked on; "" if there is none."""
    if not summary.objects:
        return ""
    ordered = sorted(summary.objects, key=lambda one: (one.state is ObjectState.DONE, -one.elapsed_s))
    rows = "".join(map(_row, ordered[:SHOWN]))
    more = len(ordered) - SHOWN
    note = f"<p class=quiet>and {more:,} more that were done</p>" if more > 0 else ""
    return (
        f"<p class=quiet>{escape_html(sum_totals(summary.objects), 500)}</p>"
        f'<div class="wide"><table class="data"><thead><tr>{HEAD}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _row(one: ObjectResult) -> str:
    return (
        f'<tr><td><span class="dot {DOTS[one.state]}"></span>{one.state}</td>'
        f"<td>{escape_html(one.name, 300)}</td><td>{escape_html(one.target, 100)}</td>"
        f"<td class=n>{spaced_duration(one.elapsed_s)}</td><td class=n>{_size(one.before)}</td><td class=n>{_size(one.after)}</td>"
        f"<td class=long>{escape_html(one.reason, 1000)}</td></tr>\n"
    )


def _size(size: float | None) -> str:
    return "" if size is None else size_text(int(size))
