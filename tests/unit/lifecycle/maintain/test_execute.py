"""The end of a maintenance run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.tasks.maintain import maintain

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Run


async def test_the_summary_has_the_objects(build: Callable[..., Run]) -> None:
    """In the order in which they ended, with the time of each."""
    summary = await maintain(build("reindex"), control=Control())
    assert [one.name for one in summary.objects] == ["av"]
    assert summary.objects[0].elapsed_s > 0
