"""The results of a run by target, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.text.characters import escape_unprintable
from bulkq.text.tables import align

if TYPE_CHECKING:
    from bulkq.model import RunSummary, TargetCounts

MOST_LINES = 200
"""Of more targets, those on which all went well are counted, not listed."""

LONGEST_REASON = 200


def target_lines(summary: RunSummary) -> list[str]:
    """A line per target under a headline, the reason at the end of those that were not done; [] where there is one target."""
    every = summary.per_target
    if len(every) < 2:
        return []
    shown = every if len(every) <= MOST_LINES else tuple(one for one in every if not _well(one))
    rows = [("target", "ok", "failed", "unknown", "skipped", ""), *map(_row, shown)]
    lines = align(rows, right=range(1, 5))
    if len(shown) < len(every):
        lines.append(f"and {len(every) - len(shown):,} targets without failures")
    return lines


def _well(one: TargetCounts) -> bool:
    return not (one.failed or one.unknown or one.skipped or one.reason)


def _row(one: TargetCounts) -> tuple[str, ...]:
    reason = escape_unprintable(one.reason)
    if len(reason) > LONGEST_REASON:
        reason = reason[: LONGEST_REASON - 3] + "..."
    counts = (f"{count:,}" for count in (one.ok, one.failed, one.unknown, one.skipped))
    return (escape_unprintable(one.target), *counts, reason)
