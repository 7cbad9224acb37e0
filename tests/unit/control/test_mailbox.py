"""Commands through a ledger that other hosts can reach."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.control import mailbox
from bulkq.errors import LedgerError
from bulkq.model.run_event import SentCommand

if TYPE_CHECKING:
    import pytest


class Box:
    """A mailbox in memory, which fails once."""

    def __init__(self) -> None:
        self.waits = [SentCommand(1, "", "ann@x", "old")]
        self.answers: dict[int, str] = {}
        self.fails = True

    async def waiting(self, run: str) -> list[SentCommand]:
        assert run == "01kb"
        if self.fails:
            self.fails = False
            raise LedgerError("away")
        return [command for command in self.waits if command.number not in self.answers]

    async def answer(self, run: str, number: int, answer: str) -> None:
        assert run == "01kb"
        self.answers[number] = answer

    async def discard(self, run: str) -> None:
        assert run == "01kb"
        self.waits.clear()


async def test_commands_are_answered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those to an earlier process are not; an outage of the ledger is outlasted."""
    monkeypatch.setattr(mailbox, "EVERY_S", 0.001)

    async def answer(request: str, by: str) -> str:
        return f"{request} of {by}"

    box = Box()
    task = asyncio.create_task(mailbox.serve(box, "01kb", answer))
    async with asyncio.timeout(10):
        while box.waits:
            await asyncio.sleep(0.001)
        box.waits += [SentCommand(2, "", "ann@x", "a"), SentCommand(3, "", "bob@y", "b")]
        while len(box.answers) < 2:
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait([task])
    assert box.answers == {2: "a of ann@x", 3: "b of bob@y"}
