"""Output without an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.windows import Bench, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow


@pytest.mark.usefixtures("tight")
async def test_without_order_nothing_is_lost(tmp_path: Path, store: Overflow) -> None:
    """Unordered, what waits while a lane has the sink is written when it lets go, each result once."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store, ordered=False)
    assert bench.window.take(0)
    for index in range(1, 300):
        await bench.deliver(index)
    assert bench.recorded == []
    await bench.window.deliver(bench.held(0), has_turn=True)
    assert sorted(bench.recorded) == list(range(300))
