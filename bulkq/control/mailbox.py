"""Commands to a run from other hosts, through its ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bulkq.errors import BulkqError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.model.run_event import SentCommand

EVERY_S = 1.0
"""Seconds between two looks into the mailbox."""

LONGEST_PAUSE_S = 30.0
"""Seconds until the next look at most if the ledger cannot be read."""


class Mailbox(Protocol):
    """Where other processes put commands; see `bulkq.ledger.command_mailbox`."""

    async def waiting(self, run: str) -> Sequence[SentCommand]:
        """Return the commands that are not answered."""

    async def answer(self, run: str, number: int, answer: str) -> None:
        """Answer a command."""

    async def discard(self, run: str) -> None:
        """Remove the commands that are not answered."""


@runtime_checkable
class MailboxLedger(Protocol):
    """A ledger that other hosts can reach."""

    @property
    def mailbox(self) -> Mailbox | None:
        """Its mailbox; None if only this machine can reach it."""


async def serve(mailbox: Mailbox, run: str, answer: Callable[[str, str], Awaitable[str]]) -> None:
    """Answer commands until this task is cancelled. A ledger that cannot be read is tried again: its run stops by itself.

    Args:
        mailbox: of the ledger.
        run: the id of the run.
        answer: is given a request and `user@host` of its sender, and returns the answer.
    """
    pause_s, begun = EVERY_S, False
    while True:
        try:
            if not begun:  # commands to an earlier process of the run
                await mailbox.discard(run)
                begun = True
            for command in await mailbox.waiting(run):
                await mailbox.answer(run, command.number, await answer(command.request, command.by))
            pause_s = EVERY_S
        except BulkqError:
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
        await asyncio.sleep(pause_s)
