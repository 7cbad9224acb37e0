"""Events of runs, and commands to them, in every ledger."""

from __future__ import annotations

import asyncio
import time

from bulkq.ledger import new_owner
from bulkq.ledger.command_mailbox import CommandMailbox
from bulkq.ledger.upgrade_and_check import check_ledger
from bulkq.model import Mark
from bulkq.model.run_event import EventKind
from tests.support.ledgers import dead_owner, ended, opened, record


async def test_events_are_durable_soon_and_in_order(url: str) -> None:
    """Another process reads them while the run goes on; samples wait for the next commit; the end takes all along."""
    async with opened(url) as ledger, opened(url) as other:
        ledger.record_event(EventKind.PAUSE, "no run has begun")
        run = record()
        await ledger.begin(run, [])
        ledger.record_event(EventKind.SAMPLE, "", data={"done": 5}, soon=False)
        start = time.monotonic()
        ledger.record_event(EventKind.PAUSE, "paused", by="ann@db1")
        while not (found := await other.events(run.run)):
            assert time.monotonic() - start < 5.0
            await asyncio.sleep(0.01)
        assert [(e.number, e.kind, e.text, e.by, e.data) for e in found] == [
            (1, EventKind.SAMPLE, "", "", {"done": 5}),
            (2, EventKind.PAUSE, "paused", "ann@db1", None),
        ]
        ledger.record_event(EventKind.CONTINUE, "continued", soon=False)
        await ledger.finish(ended(run))
        ledger.record_event(EventKind.STOP, "after the end")
        assert [e.number for e in await other.events(run.run, after=1)] == [2, 3]
        assert [e.kind for e in await other.events(run.run, EventKind.PAUSE, EventKind.STOP)] == ["pause"]
        await other.forget(run.run)
        assert (await check_ledger(url)).rows["events"] == 0


async def test_numbers_go_on_after_a_takeover(url: str) -> None:
    """The events of the next process come behind those of the one that died."""
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), [])
        ledger.record_event(EventKind.PAUSE, "paused")
        await ledger.sync()
    async with opened(url) as ledger:
        await ledger.take_over("01kb4x0001", new_owner())
        ledger.record_event(EventKind.CHANGE, "rate=5/s")
        await ledger.sync()
        assert [(e.number, e.text) for e in await ledger.events("01kb4x0001")] == [(1, "paused"), (2, "rate=5/s")]


async def test_events_that_cannot_be_kept_cost_no_mark(url: str) -> None:
    """A number that is there already, as of a damaged ledger: the marks of the same commit are kept."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.record_event(EventKind.PAUSE, "paused")
        await ledger.sync()
        ledger._events._number = 1
        ledger.record_event(EventKind.PAUSE, "paused again")
        ledger.mark(Mark(0, ((1, 5),)))
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 5),)
        assert [e.text for e in await ledger.events("01kb4x0001")] == ["paused"]


async def test_senders_at_once_get_numbers_of_their_own(url: str) -> None:
    """Five at once, over connections of their own; all commands wait, in order."""
    async with opened(url) as one, opened(url) as two:
        boxes = [CommandMailbox(one.database), CommandMailbox(two.database)]
        numbers = await asyncio.gather(*(boxes[n % 2].send("01kb", f"{n}", "{}") for n in range(6)))
        assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
        assert [command.number for command in await boxes[0].waiting("01kb")] == sorted(numbers)
