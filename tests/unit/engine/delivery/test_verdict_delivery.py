"""Answers that are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.delivery.verdict_delivery import EvaluatedDelivery
from bulkq.errors import RefusedError
from tests.support.deliveries import BATCH, RESULT, SPEC, Verdict, chosen, new_slot, part

if TYPE_CHECKING:
    from bulkq.engine.run_context import RunContext


async def test_a_judged_answer_has_a_sink_of_its_own(context: RunContext) -> None:
    """The judge counts it; what the read-only guard refused is a result, any other error is the run's."""
    judge = Verdict()
    delivery, written = chosen(context, part(judge=judge))
    assert isinstance(delivery, EvaluatedDelivery)
    first, second = (delivery.open(SPEC, replace(BATCH, index=i), new_slot()) for i in (0, 1))
    assert len(judge.sinks) == 2
    second.hold(await second.complete(replace(RESULT, batch=replace(BATCH, index=1))))
    await second.deliver()
    assert [(result.batch.index, result.ok) for result in written] == [(1, 0)]
    assert first.recover(RefusedError("no")) is not None
    assert first.recover(ValueError()) is None
    first.give_up()
