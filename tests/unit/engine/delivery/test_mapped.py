"""Answers that go through a function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery.mapped import MapFailure, MappedDelivery
from bulkq.model import Batch, Outcome
from tests.support.deliveries import BATCH, RESULT, SPEC, Doubled, chosen, new_slot, part

if TYPE_CHECKING:
    from bulkq.engine.run_context import RunContext


async def test_a_mapped_answer_gives_its_slot_back_and_names_the_sets_that_failed(context: RunContext) -> None:
    """The function runs beside the other lanes; a set that it fails for is a failure with its number."""
    delivery, _ = chosen(context, part(mapper=Doubled()))
    assert isinstance(delivery, MappedDelivery)
    slot = new_slot()
    async with slot:
        out = delivery.open(SPEC, BATCH, slot)
        assert out.copy_delimiter is None
        result = await out.complete(replace(RESULT, values=[[13, 4]]))
        assert not slot.held
    assert result.ok == 1
    assert [(one.n, one.message, one.outcome) for one in result.failures] == [(1, "unlucky", Outcome.ROLLED_BACK)]
    assert result.values == [[26, 8]]


async def test_a_function_that_fails_in_the_middle_of_an_answer(context: RunContext) -> None:
    """The error leaves the lane as it is and becomes the failure of the only set."""
    delivery, _ = chosen(context, part(mapper=Doubled()))
    batch = Batch(0, 7, [(1,)])
    out = delivery.open(SPEC, batch, new_slot())
    await out.begin()
    await out.write(replace(RESULT, batch=batch, values=[[1, 2]]))
    with pytest.raises(MapFailure, match="unlucky") as raised:
        await out.write(replace(RESULT, batch=batch, values=[[13, 1]]))
    result = out.recover(raised.value)
    assert result is not None
    assert [(one.n, one.sqlstate) for one in result.failures] == [(7, "MAP")]
    assert out.recover(ValueError()) is None
    out.give_up()
