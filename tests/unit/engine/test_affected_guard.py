"""`--max-affected` over all lanes of a run."""

from __future__ import annotations

import pytest

from bulkq.engine.affected_guard import AffectedGuard
from bulkq.errors import RefusedError
from bulkq.model.counts import UNCOUNTED


def test_rows_in_flight_count() -> None:
    """What is committed and what is about to be are one sum; what was rolled back is free again."""
    guard = AffectedGuard(10, before=2)
    guard.reserve(5)
    with pytest.raises(RefusedError, match="--max-affected allows 10"):
        guard.reserve(4)
    guard.settle(5, 0)
    guard.reserve(8)


def test_what_is_not_counted_is_refused() -> None:
    """The sum of what is not known is not known either."""
    with pytest.raises(RefusedError, match="does not report how many rows"):
        AffectedGuard(10).reserve(UNCOUNTED)
