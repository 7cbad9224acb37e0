"""Output in the order of the batches."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery import backlog
from bulkq.model import BatchResult, Failure, Outcome
from tests.support.windows import QUERY, Bench, lines, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("seed", range(5))
async def test_any_order_comes_out_in_order(tmp_path: Path, store: Overflow, seed: int) -> None:
    """Results that end in any order, through memory and files, are written and recorded in the order of the input."""
    chance = random.Random(seed)
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    order = sorted(range(600), key=lambda n: n + chance.choice([0, 3, 40, 400]))
    for index in order:
        await bench.deliver(index)
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(600)
    assert bench.recorded == list(range(600))
    assert bench.window.backlog.all == backlog.Amount()
    assert bench.window.backlog.weight == 0


async def test_what_needs_no_place_is_recorded_at_once(tmp_path: Path, store: Overflow) -> None:
    """A write without rows is recorded out of order; its failures are told in order, as soon as all before them is done."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    failed = bench.held(2)
    failed.payload = None
    failed.result = BatchResult(failed.result.batch, QUERY, "t", (), (), (), 0, (_failure(3),))
    for index in (5, 1, 4):
        await bench.deliver(index, orderless=True)
    await bench.window.deliver(failed, has_turn=False)
    assert bench.recorded == [5, 1, 4]
    await bench.deliver(0, orderless=True)
    assert bench.recorded == [5, 1, 4, 0, 2]
    assert bench.window.next == 3
    await bench.deliver(3, orderless=True)
    assert bench.window.next == 6


def _failure(n: int) -> Failure:
    return Failure(
        n=n,
        source="",
        target="t",
        query="q",
        params={},
        outcome=Outcome.ROLLED_BACK,
        sqlstate=None,
        message="no",
        attempts=1,
    )
