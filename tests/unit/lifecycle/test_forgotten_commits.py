"""What is compared when a run has reached its end. The whole way is in `tests/integration/test_forgotten_commits.py`."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq import markers
from bulkq.errors import BulkqError, RefusedError, TargetError
from bulkq.lifecycle.forgotten_commits import find_forgotten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.record import RecordedRun


class Sessions:
    """A target that gives `answer`, or that is away, or read-only."""

    def __init__(self, answer: Sequence[tuple[object, ...]] | None, error: BulkqError | None = None) -> None:
        self.answer = answer
        self.error = error or TargetError("connection refused")
        self.kept = 0

    async def first(self) -> Sessions:
        if self.answer is None:
            raise self.error
        return self

    async def administer(self, statements: Sequence[str]) -> Sequence[tuple[object, ...]]:
        assert statements == [markers.applied_counts(markers.tables("s"), "run-1")]
        assert self.answer is not None
        return self.answer

    def give_back(self, connection: Sessions) -> None:
        assert connection is self
        self.kept += 1


@pytest.mark.parametrize("keeps", [True, False])
async def test_markers_that_agree(keeps: bool) -> None:
    """Only the sums are asked for. A run without a ledger has no markers, and a target that is away is said and left out."""
    said: list[str] = []
    there, away = Sessions([(1, "3"), (2, 4), (3, Decimal("2E+4"))]), Sessions(None)
    standby = Sessions(None, RefusedError("nothing can be written"))
    targets = [
        SimpleNamespace(label=label, tables=markers.tables("s"), lost=None, sessions=sessions, parts=())
        for label, sessions in (("a", there), ("b", away), ("c", standby))
    ]
    progress = SimpleNamespace(counts=SimpleNamespace(ok=20_007))
    opened = SimpleNamespace(targets=targets, run="run-1", progress=progress, say=said.append)
    recorded = SimpleNamespace(opened=opened, ledger=SimpleNamespace(keeps=keeps))
    assert await find_forgotten(cast("RecordedRun", recorded)) == ""
    assert there.kept == keeps
    assert len(said) == 2 * keeps
    assert all(": what was applied could not be compared with the markers: " in text for text in said)
