"""The record of objects that are about to be sent: durable before, so that an object which a dead process has sent is known as such.

A commit for each object would take longer than a quick command. So objects that follow within a fifth of a second are announced in
the same commit. If the process dies, those of them that were not sent are unknown, too.

The commit is under way while a lane still asks for sizes, or executes earlier objects: a lane that waits for it does nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bulkq.errors import LedgerError
from bulkq.model import STARTED, Failure, Mark, Outcome

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState
    from bulkq.model import Batch
    from bulkq.protocols import Ledger

AHEAD_S = 0.2
"""Objects that probably begin within so many seconds are announced together: the time after which the end of one is durable, too."""

MOST_AHEAD = 512

QUICK_AHEAD = 64
"""Small objects behind a batch of such that are announced with it, however long they take: the catalog shows which of them were done."""

NOT_BEGUN = "it was not begun"
STOPPED = "it was stopped before its end"


class StartedRecord:
    """What the ledger knows of the beginnings of one part.

    Args:
        part: of the target.
        ledger: which may keep nothing.
    """

    def __init__(self, part: PartState, ledger: Ledger) -> None:
        self._part = part
        self._ledger = ledger
        self._announced: set[int] = set()
        self._marked: set[int] = set()  # the ledger is about to make them durable
        self._taken: set[int] = (
            set()
        )  # by a lane, which records what becomes of them; another may still be announcing them
        self._mean_s: float | None = None  # between the ends of two objects of a lane
        self._announcing: asyncio.Task[None] | None = None

    def announce(self, batch: Batch) -> None:
        """Begin to make known that the objects of `batch`, of which there are several, and those behind it are about to be sent.

        Does nothing while enough of them are known.
        """
        if not self._ledger.keeps or (self._announcing is not None and not self._announcing.done()):
            return
        own, following = _numbers(batch), self._following(several=True)
        known = self._announced | self._marked | self._taken
        unknown = [n for n in (*own, *following) if n not in known]
        if 2 * len(unknown) >= len(own) + len(following):
            self._announcing = asyncio.create_task(self._make_known(unknown))

    async def begin(self, batch: Batch) -> None:
        """Return when the ledger knows that the objects of `batch` are about to be sent.

        What another lane has marked is not marked again.
        """
        own = self._take(batch)
        if not self._ledger.keeps:
            return
        if not self._announced.issuperset(own) and self._announcing is not None:
            await asyncio.wait([self._announcing])
        if not self._announced.issuperset(own):
            known = self._announced | self._marked | (self._taken - set(own))
            await self._mark([n for n in (*own, *self._following(several=len(own) > 1)) if n not in known])
        self._announced -= self._taken
        await self._ledger.confirm()

    async def _make_known(self, numbers: list[int]) -> None:
        try:
            await self._mark(numbers)
        except LedgerError:
            return  # the next one that needs the ledger is told

    async def _mark(self, numbers: list[int]) -> None:
        if numbers:
            self._ledger.mark(Mark(self._part.spec.number, (), tuple(self._failure(n, STARTED) for n in numbers)))
        self._marked.update(numbers)
        marked = set(self._marked)
        await self._ledger.sync()
        self._announced |= marked
        self._marked -= marked

    def end(self, elapsed_s: float) -> None:
        """Learn how long an object took; of several together, its share."""
        self._mean_s = elapsed_s if self._mean_s is None else 0.8 * self._mean_s + 0.2 * elapsed_s

    def stop(self, batch: Batch) -> None:
        """Record that an object which was cancelled is not done. The driver has ended it on the server.

        If its session was cut, the record keeps that it was sent, and its outcome is unknown.
        """
        self._skip([batch.first], STOPPED)

    def leave_out(self, batch: Batch) -> None:
        """Leave the record of objects that are not sent to the lane, which knows the reason."""
        self._take(batch)
        self._announced -= self._taken

    def close(self) -> None:
        """Record that what was announced and not sent was not begun."""
        self._skip(sorted((self._announced | self._marked) - self._taken), NOT_BEGUN)
        self._announced.clear()
        self._marked.clear()

    def _take(self, batch: Batch) -> range:
        own = _numbers(batch)
        self._taken.update(own)
        return own

    def following(self, within_s: float, most: int) -> list[int]:
        """Return the numbers of the objects that probably begin within so many seconds: at most `most`."""
        if not self._mean_s or self._part.objects is None:
            return []
        return self._part.objects.following(min(most, int(within_s / self._mean_s)))

    def _following(self, *, several: bool) -> list[int]:
        """The objects that are announced with a batch of one or `several` before them."""
        found = self.following(AHEAD_S, MOST_AHEAD)
        if several and len(found) < QUICK_AHEAD and self._part.objects is not None:
            found = sorted({*found, *self._part.objects.quick_following(QUICK_AHEAD)})
        return found

    def _skip(self, numbers: list[int], why: str) -> None:
        if numbers and self._ledger.keeps:
            skipped = tuple(self._failure(n, why, Outcome.SKIPPED) for n in numbers)
            with contextlib.suppress(LedgerError):  # the commit that failed has stopped the run, and is its reason
                self._ledger.mark(Mark(self._part.spec.number, (), skipped))

    def _failure(self, number: int, why: str, outcome: Outcome = Outcome.UNKNOWN) -> Failure:
        """The record of one object. Its message is bulkq's own, so it is kept as it is."""
        assert self._part.objects is not None
        name, query = self._part.objects.object(number).shown, self._part.spec.query
        return Failure(
            n=number,
            source=name,
            target=self._part.spec.target,
            query=query.name,
            params={parameter.name: name for parameter in query.parameters},
            outcome=outcome,
            sqlstate=None,
            message=why,
            attempts=1,
            valueless=(why,),
        )


def _numbers(batch: Batch) -> range:
    """The numbers of its objects."""
    return range(batch.first, batch.first + len(batch.sets))
