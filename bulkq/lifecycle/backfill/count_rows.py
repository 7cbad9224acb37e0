"""Count the rows of a backfill: how many there are, and how many its ranges have passed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkq.policy.row_progress import RowProgress

if TYPE_CHECKING:
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model.key_range import TableFacts
    from bulkq.policy.range_size import RangeSize
    from bulkq.policy.row_progress import TotalKind
    from bulkq.protocols import Connection
    from bulkq.sources.key_range_source import RangeSource


class PassedRows:
    """Implements `bulkq.sources.key_range_source.RangeRows` for one target, in the progress of the whole run."""

    def __init__(self, opened: OpenRun, source: RangeSource, size: RangeSize) -> None:
        self._opened, self._progress = opened, opened.progress
        self._source, self._size = source, size

    def passed(self, rows: int, elapsed_s: float) -> None:
        """Count the rows of a range that ended, however, after `elapsed_s` seconds."""
        found = self._progress.row_progress
        assert found is not None, "it was made when the table was looked at"
        found.add(rows, elapsed_s, time.monotonic(), self._progress.throttled_s)
        sources = self._opened.sources.ranges.values()
        if all(source.cut for source in sources):
            before = sum(made.recorded.rows for made in self._opened.backfills.values())
            found.correct(before + sum(source.rows for source in sources), "exact")
        found.range_rows, found.position = self._size.rows, self._source.position
        locked = next(iter(found.locked.values()), "")  # of another target: it goes on waiting
        found.holds = self._progress.state or locked or ("cutting ranges" if self._source.cutting else "server")


async def count_rows(connection: Connection, facts: TableFacts, how: str) -> tuple[int | None, TotalKind]:
    """Return how many rows the table has, and whether that was counted.

    Args:
        connection: idle.
        facts: of the table.
        how: of `--count`: exact, estimate or none.

    Raises:
        DatabaseError: the rows cannot be counted.
    """
    if how == "exact":
        rows = await connection.administer([f"SELECT count(*) FROM {facts.key.table}"])
        return int(str(rows[0][0])), "exact"
    return (facts.rows if how == "estimate" else None), "estimate"


def expect_rows(opened: OpenRun, total: int | None, kind: TotalKind, before: int) -> None:
    """Add the rows of a table to the progress of the run.

    Args:
        opened: the run.
        total: rows of the table; None if that is not known.
        kind: whether they were counted.
        before: rows that earlier processes of the run have passed.
    """
    known = opened.progress.row_progress
    if known is None:
        opened.progress.row_progress = RowProgress(total, kind, before=before, begin_s=time.monotonic())
        return
    whole = None if total is None or known.total is None else known.total + total
    exact = kind == "exact" and known.total_kind == "exact"
    opened.progress.row_progress = RowProgress(
        whole, "exact" if exact else "estimate", before=known.done + before, begin_s=time.monotonic()
    )
