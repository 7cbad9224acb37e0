"""What is compared when a run has reached its end. The whole way is in `tests/integration/test_forgotten_commits.py`."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq import markers
from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError, RefusedError, TargetError
from bulkq.lifecycle.forgotten_commits import find_forgotten
from bulkq.model.counts import Counts
from bulkq.model.run import SafetyOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.record import RecordedRun


class Sessions:
    """A target that gives `answer`, or that is away, or read-only."""

    def __init__(self, answer: Sequence[tuple[object, ...]] | None, error: BulkqError | None = None) -> None:
        self.answer = answer
        self.error = error or TargetError("connection refused")
        self.kept = 0
        self.gone = error

    async def open(self) -> Sessions:
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
    """Only the sums are asked for. A run without a ledger has no markers, and one that was given up before is left out."""
    said: list[str] = []
    there, away = Sessions([(1, "3"), (2, 4), (3, Decimal("2E+4"))]), Sessions(None)
    standby = Sessions(None, RefusedError("nothing can be written"))
    query = queries.inline("update t set v = 1 where id = :id")
    part = SimpleNamespace(spec=SimpleNamespace(query=query), counts=Counts(ok=20_007))
    where = SimpleNamespace(url="sqlite:///x.db")
    targets = [
        SimpleNamespace(
            label=label, tables=markers.tables("s"), lost=None, sessions=sessions, parts=parts, definition=where
        )
        for label, sessions, parts in (
            ("a", there, [part]),
            ("b", away, [part]),
            ("c", standby, [part]),
            ("d", away, []),
        )
    ]
    job = SimpleNamespace(control=Control())
    request = SimpleNamespace(safety=SafetyOptions(write=True))
    opened = SimpleNamespace(targets=targets, run="run-1", request=request, job=job, say=said.append)
    recorded = SimpleNamespace(opened=opened, ledger=SimpleNamespace(keeps=keeps))
    text = "what was applied could not be compared with the markers"
    lost = await find_forgotten(cast("RecordedRun", recorded))
    assert lost == f"b: {text}: connection refused: bulkq resume run-1 compares it again" * keeps
    assert there.kept == keeps
    assert said == [f"c: {text}: nothing can be written"] * keeps
