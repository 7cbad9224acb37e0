"""Which delivery a target has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import Doubled, Verdict, chosen, part

if TYPE_CHECKING:
    from bulkq.engine.run_context import RunContext


@pytest.mark.parametrize(
    ("more", "ordered", "kind", "window"),
    [
        ({}, True, "SinkDelivery", "OrderedWindow"),
        ({}, False, "SinkDelivery", "UnorderedWindow"),
        ({"mapper": Doubled()}, True, "MappedDelivery", "OrderedWindow"),
        ({"judge": Verdict()}, True, "EvaluatedDelivery", "SeparateWindow"),
    ],
)
async def test_the_parts_decide(
    context: RunContext, more: dict[str, object], ordered: bool, kind: str, window: str
) -> None:
    """One function chooses, by what the parts have."""
    delivery, _ = chosen(context, part(**more), ordered=ordered)
    assert (type(delivery).__name__, type(delivery.window).__name__) == (kind, window)
    await delivery.admit()
