"""Several throttles as one."""

from __future__ import annotations

from bulkq.throttles import AnyOf
from tests.support.throttles import Signal


async def test_all_reasons_are_named() -> None:
    """Of several throttles each must be content."""
    both = AnyOf([Signal("a is high"), Signal(None), Signal("b is high")])
    await both.open()
    assert both.reason() == "a is high; b is high"
    assert both.load() is None
    await both.close()
