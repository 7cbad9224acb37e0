"""A stop cancels a question once; what came of a command is asked for again."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.lifecycle.maintain.ask_despite_stop import ask_despite_stop


class Question:
    """Answers at once from the second time on."""

    def __init__(self) -> None:
        self.times = 0

    async def ask(self) -> int:
        """Return how often it was asked."""
        self.times += 1
        if self.times == 1:
            await asyncio.Event().wait()
        return self.times


@pytest.mark.parametrize("why", [None, "what it sent goes on"])
@pytest.mark.parametrize("stopped", [True, False])
async def test_a_stop_alone_asks_again(stopped: bool, why: str | None) -> None:
    """Any other cancellation, and one by a driver that could not end a statement, ends the task."""
    question = Question()
    asking = asyncio.ensure_future(ask_despite_stop(question.ask, lambda: stopped))
    await asyncio.sleep(0)
    asking.cancel(*([why] if why else []))
    if stopped and why is None:
        assert await asking == 2
    else:
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert question.times == 1
