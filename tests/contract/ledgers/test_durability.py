"""When marks, positions and the end of a run are durable."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace

import pytest

from bulkq.errors import LedgerError
from bulkq.ledger import (
    open_ledger,
    recorder,
)
from bulkq.model import Mark, Outcome, RunState, SinkPosition
from bulkq.policy.merged_number_ranges import Ranges
from tests.support.ledgers import ended, failure, opened, position, record

# --- what is kept ---------------------------------------------------------------------------------------------------


async def test_begin_is_durable_on_return(url: str) -> None:
    """Another connection sees all of the record, but no password, before anything is sent."""
    run = record(retry_of="01kb4w0001")
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(run, ["/spool/b", "/spool/a"])
        found = await other.find(run.run)
        assert found == replace(run, targets=("postgresql://me:***@db/app", "sqlite:///app.db"))
        assert await other.spools(run.run) == ("/spool/b", "/spool/a")
        assert await other.state(run.run) == ()
        assert await other.owner_alive(found)


async def test_marks_are_durable_within_the_group_time(url: str) -> None:
    """Nobody waits for it, and 200 ms after the mark another process knows; counts are live."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record(), [])
        await asyncio.sleep(0.05)
        start = time.monotonic()
        for n in range(0, 100, 10):
            ledger.mark(Mark(0, ((n + 1, n + 9),), (failure(n + 10),), changed=9, source=position(n + 10)))
        while not await other.state("01kb4x0001"):
            assert time.monotonic() - start < 4.0  # 0.2 s, on a machine that does nothing else; a heartbeat takes 5 s
            await asyncio.sleep(0.01)
        (part,) = await other.state("01kb4x0001")
        assert part.done[0] == (1, 9)
        assert len(part.failures) == 10
        known = await other.find("01kb4x0001")
        assert (known.ok, known.failed, known.changed) == (90, 10, 90)
        assert known.elapsed_s > 0


async def test_sync_and_state_bring_back_what_was_marked(url: str) -> None:
    """Ranges are merged, positions are behind nothing that is missing, failures keep all but values and hints."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.mark(Mark(1, ((1, 5),), source=position(5)))
        ledger.mark(Mark(1, ((11, 15),), source=position(15)))
        ledger.mark(Mark(0, ((1, 3), (5, 6)), (failure(4, outcome=Outcome.UNKNOWN),), changed=5, unanswered=2))
        await ledger.sync()
        first, second = await ledger.state("01kb4x0001")
        assert (first.part, first.done, first.source, first.sinks) == (0, ((1, 3), (5, 6)), None, ())
        assert first.failures == (replace(failure(4, outcome=Outcome.UNKNOWN), params={}, hint=None),)
        assert (second.part, second.done, second.source) == (1, ((1, 5), (11, 15)), position(5))
        ledger.mark(Mark(1, ((6, 10),), source=position(10)))
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[1].done == ((1, 15),)
        assert (await ledger.state("01kb4x0001"))[1].source == position(15)
        known = await ledger.find("01kb4x0001")
        assert (known.ok, known.failed, known.unknown, known.changed, known.unanswered) == (20, 0, 1, 5, 2)


async def test_finish_keeps_marks_and_record_together(url: str) -> None:
    """What was noted a moment ago is there, and the record is the caller's."""
    run = record()
    async with opened(url) as ledger:
        await ledger.begin(run, [])
        ledger.mark(Mark(0, ((1, 9),)))
        end = ended(run, RunState.STOPPED, 5, ok=9, skipped=4, retried=2, elapsed_s=1.5)
        await ledger.finish(end)
        found = await ledger.find(run.run)
        assert replace(found, targets=end.targets) == end
        assert (await ledger.state(run.run))[0].done == ((1, 9),)
        assert not await ledger.owner_alive(found)


async def test_close_keeps_what_was_noted(url: str) -> None:
    """Also without `finish`: the process may be about to end."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.mark(Mark(0, ((1, 9),)))
    async with opened(url) as ledger:
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 9),)


async def test_any_order_of_marks_is_the_same_in_the_end(url: str) -> None:
    """Groups of any size in any order: rows are merged ranges, the source is at the end of the complete part."""
    chance = random.Random(7)
    batches = [(n, n + 9) for n in range(1, 2000, 10)]
    chance.shuffle(batches)
    marked = Ranges()
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        for at in range(0, len(batches), 25):
            for first, last in batches[at : at + 25]:
                ledger.mark(Mark(0, ((first, last),), source=position(last)))
                marked.add(first, last)
            await ledger.sync()
            (part,) = await ledger.state("01kb4x0001")
            assert part.done == tuple(marked)
            assert part.source == (position(marked.prefix) if marked.prefix else None)


# --- outputs --------------------------------------------------------------------------------------------------------


async def test_positions_are_those_of_the_moment_of_the_marks(url: str) -> None:
    """Positions hold at least the marks of their commit, are fsynced before it, and what comes later is beyond them."""
    events: list[str] = []
    size = 0
    looked = asyncio.Event()

    def positions() -> list[tuple[int, SinkPosition]]:
        events.append(f"at {size}")
        return [(0, SinkPosition("out.csv", size))]

    async def fsync() -> None:
        nonlocal size
        if "fsync" in events:
            await looked.wait()  # else the next group may be durable before the first is looked at
        events.append("fsync")
        size += 100
        ledger.mark(Mark(0, ((11, 20),)))  # a lane goes on while the disk works

    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.attach(positions=positions, fsync=fsync)
        size = 10
        ledger.mark(Mark(0, ((1, 10),)))
        await ledger.sync()
        (part,) = await ledger.state("01kb4x0001")
        assert (part.done, part.sinks) == (((1, 10),), (SinkPosition("out.csv", 10),))
        assert events[:2] == ["at 10", "fsync"]
        looked.set()
        ledger.attach()
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 20),)


async def test_an_output_that_does_not_get_durable_stops_the_run(url: str) -> None:
    """Marks whose rows may be lost are not kept; the run is told once and can send nothing more."""
    told: list[LedgerError] = []

    async def fsync() -> None:
        raise OSError(5, "input/output error")

    ledger = await open_ledger(url)
    await ledger.begin(record(), [])
    ledger.attach(positions=lambda: [(0, SinkPosition("o", 1))], fsync=fsync, on_failure=told.append)
    ledger.mark(Mark(0, ((1, 10),)))
    with pytest.raises(LedgerError, match="could not be synced"):
        await ledger.sync()
    assert len(told) == 1
    with pytest.raises(LedgerError):
        ledger.mark(Mark(0, ((11, 12),)))
    with pytest.raises(LedgerError):
        await ledger.finish(ended(record()))
    await ledger.close()
    async with opened(url) as again:
        assert await again.state("01kb4x0001") == ()


async def test_a_failed_group_is_told_without_being_asked(url: str) -> None:
    """The keeper's own commit fails: `on_failure` is called; who did not ask for that is told when closing."""
    told = asyncio.Event()
    ledger = await open_ledger(url)
    await ledger.begin(record(), [])
    ledger.attach(positions=lambda: 1 / 0, on_failure=lambda _: told.set())  # type: ignore[arg-type, return-value]
    ledger.mark(Mark(0, ((1, 10),)))
    await asyncio.wait_for(told.wait(), 5)
    await ledger.close()
    silent = await open_ledger(url)
    await silent.begin(record("01kb4x0002"), [])
    silent.attach(positions=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    silent.mark(Mark(0, ((1, 10),)))
    await asyncio.sleep(recorder.GROUP_S * 2)
    with pytest.raises(LedgerError):
        await silent.close()


async def test_a_cancelled_sync_is_done_to_its_end(url: str) -> None:
    """The marks of the group were taken: they are written, whoever stopped waiting for it."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        for n in range(1, 40):
            ledger.mark(Mark(0, ((n, n),)))
            waiting = asyncio.create_task(ledger.sync())
            await asyncio.sleep(random.Random(n).random() * 0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 39),)
