"""Output without an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery.unordered import SeparateWindow
from bulkq.sinks.row_queue import RowsSink
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


async def test_batches_with_a_sink_each_wait_for_none(store: Overflow) -> None:
    """Each is written at once, also while another one is written or was given up."""
    bench = Bench(RowsSink(ahead=10), store, ordered=False)
    window = SeparateWindow(2, store)
    assert window.take(0)
    assert window.take(1)
    window.give_up(has_turn=True)
    await window.deliver(bench.held(7), has_turn=False)
    assert bench.recorded == [7]
    assert not window.full
