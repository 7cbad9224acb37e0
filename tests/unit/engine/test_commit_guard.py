"""What is asked before a write commits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bulkq.engine.affected_guard import AffectedGuard
from bulkq.engine.commit_guard import CommitGuard
from bulkq.errors import RefusedError
from bulkq.model import Batch

BATCH = Batch(0, 1, [(1,)])


def part(most: int | None, bound: int | None = None) -> Any:
    """A part with a guard, and a source whose ranges are bounded."""

    def refuse_more(_: Batch, rows: int) -> None:
        if bound is not None and rows > bound:
            raise RefusedError("too many for the range")

    ranges = None if bound is None else SimpleNamespace(most_changed=lambda _: bound, refuse_more=refuse_more)
    guard = None if most is None else AffectedGuard(most)
    commits: list[float] = []
    return SimpleNamespace(ranges=ranges, guard=guard, record_commit=commits.append, commits=commits)


@pytest.mark.parametrize(
    ("most", "bound", "found"), [(None, None, None), (None, 7, 7), (3, None, 3), (50, 7, 7), (50, None, 10)]
)
def test_the_smaller_bound_needs_no_question(most: int | None, bound: int | None, found: int | None) -> None:
    """Up to what was wanted."""
    assert CommitGuard(part(most, bound), BATCH).most(10) == found


async def test_rows_that_others_may_not_need_are_waited_for() -> None:
    """A reservation of another attempt that changes fewer rows is no reason to refuse."""
    one = part(10)
    other, guard = CommitGuard(one, BATCH), CommitGuard(one, BATCH)
    assert (other.most(8), guard.most(8)) == (8, 2)
    asking = asyncio.create_task(guard.ask(9))
    await asyncio.sleep(0.03)
    other.settle(1, committed=True)
    assert await asking == 9
    guard.settle(9, committed=True)
    with pytest.raises(RefusedError, match="--max-affected allows 10"):
        await CommitGuard(one, BATCH).ask(1)


async def test_a_range_that_would_change_more_is_refused() -> None:
    """No wait can help."""
    with pytest.raises(RefusedError, match="too many for the range"):
        await CommitGuard(part(None, 5), BATCH).ask(6)


def test_the_time_of_a_commit_is_recorded() -> None:
    """Measured here, or on the other machine; of a commit that was made."""
    one = part(None)
    guard = CommitGuard(one, BATCH)
    guard.settle(0, committed=True)
    guard(1)
    guard.settle(1, committed=True)
    guard.committed(2.0)
    guard.settle(1, committed=True)
    guard.settle(1, committed=False)
    assert len(one.commits) == 2
    assert one.commits[1] >= 2
    guard.committed(None)
    guard.settle(1, committed=True)
    assert len(one.commits) == 2
