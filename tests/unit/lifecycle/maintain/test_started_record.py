"""Objects are announced before they are sent, several at once if they are quick."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bulkq.errors import LedgerError
from bulkq.lifecycle.maintain.started_record import StartedRecord
from bulkq.model import Mark, Outcome, Query
from bulkq.model.maintenance import MaintainedObject
from bulkq.sources.maintenance_object_source import ObjectSource
from tests.support.parts import READ


class MarkedLedger:
    """Keeps the marks, and counts commits."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self.marks: list[Mark] = []
        self.commits = 0

    def mark(self, mark: Mark) -> None:
        self.marks.append(mark)

    async def sync(self) -> None:
        self.commits += 1

    async def confirm(self) -> None:
        """The run is this process's."""

    @property
    def last(self) -> list[tuple[str, str]]:
        """Name and outcome of the objects of the last mark."""
        return [(one.source, str(one.outcome)) for one in self.marks[-1].failures]


async def test_quick_objects_are_announced_together() -> None:
    """In one commit for a fifth of a second; what was not sent at the end is recorded as not begun."""
    source = ObjectSource()
    source.begin([MaintainedObject("table", "s", name, f"s.{name}") for name in "abcdef"])
    ledger = MarkedLedger()
    part = cast("Any", SimpleNamespace(spec=READ, objects=source))
    record = StartedRecord(part, cast("Any", ledger))
    first, second, third = [await source.take(1, n) for n in range(3)]
    assert first is not None
    assert second is not None
    assert third is not None
    await record.begin(first)
    assert ledger.last == [("s.a", "unknown")]
    record.end(0.08)
    await record.begin(second)
    assert ledger.last == [("s.b", "unknown"), ("s.d", "unknown"), ("s.e", "unknown")]
    fourth = await source.take(1, 3)
    assert fourth is not None
    await record.begin(fourth)
    assert ledger.commits == 2
    record.stop(second)
    assert ledger.last == [("s.b", "skipped")]
    record.close()
    assert ledger.last == [("s.e", "skipped")]
    record.close()
    assert len(ledger.marks) == 4
    assert ledger.marks[-1].failures[0].outcome is Outcome.SKIPPED
    assert isinstance(READ.query, Query)


async def test_the_end_of_a_run_that_was_taken_over_is_told() -> None:
    """The ledger takes no marks any more, which has stopped the run: its last line is still printed."""

    class Lost(MarkedLedger):
        def mark(self, mark: Mark) -> None:
            if self.commits:
                raise LedgerError("taken over")

    source = ObjectSource()
    source.begin([MaintainedObject("table", "s", name, f"s.{name}") for name in "ab"])
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", Lost()))
    first = await source.take(1, 0)
    assert first is not None
    await record.begin(first)
    record.stop(first)
    record.close()


async def test_an_object_that_another_lane_takes_meanwhile_is_its_own() -> None:
    """It is marked once, and its outcome is not replaced at the end by that it was not begun."""
    source = ObjectSource()
    source.begin([MaintainedObject("table", "s", name, f"s.{name}") for name in "abcd"])
    ledger = MarkedLedger()
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", ledger))
    record.end(0.08)
    durable = asyncio.Event()
    ledger.sync = durable.wait  # type: ignore[method-assign,assignment]
    first = await source.take(1, 0)
    assert first is not None
    announcing = asyncio.create_task(record.begin(first))
    await asyncio.sleep(0)
    assert ledger.last == [("s.a", "unknown"), ("s.b", "unknown"), ("s.c", "unknown")]
    second = await source.take(1, 1)
    assert second is not None
    beginning = asyncio.create_task(record.begin(second))
    durable.set()
    await asyncio.gather(announcing, beginning)
    assert [one.source for mark in ledger.marks for one in mark.failures] == ["s.a", "s.b", "s.c", "s.d"]
    record.close()
    assert ledger.last[0] == ("s.c", "skipped")
    assert ("s.b", "skipped") not in ledger.last


async def test_small_objects_behind_a_batch_of_such_are_announced_however_slow() -> None:
    """A commit for each batch would take longer than the batch. Another object is announced when it begins."""
    source = ObjectSource()
    source.begin(
        [MaintainedObject("table", "s", name, f"s.{name}") for name in "abcdefg"], together=2, quick=[1, 2, 3, 5, 6]
    )
    ledger = MarkedLedger()
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", ledger))
    record.end(60.0)
    first = await source.take(2, 0)
    assert first is not None
    await record.begin(first)
    assert [name for name, _ in ledger.last] == ["s.a", "s.b", "s.c", "s.e", "s.f"]
    second = await source.take(2, 1)
    assert second is not None
    await record.begin(second)
    assert (len(second.sets), ledger.commits) == (1, 1)
    third = await source.take(2, 2)
    assert third is not None
    await record.begin(third)
    assert ([name for name, _ in ledger.last], ledger.commits) == (["s.d"], 2)


async def test_a_lane_waits_for_the_commit_that_another_one_has_begun() -> None:
    """It begins none of its own. While most of what follows is known, no other commit begins either."""
    source = ObjectSource()
    objects = [MaintainedObject("table", "s", name, f"s.{name}") for name in "abcdefgh"]
    source.begin(objects, together=2, quick=range(1, 9))
    ledger = MarkedLedger()
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", ledger))
    first, second = await source.take(2, 0), await source.take(2, 1)
    assert first is not None
    assert second is not None
    record.announce(first)
    record.announce(second)
    await asyncio.gather(record.begin(first), record.begin(second))
    assert ([len(mark.failures) for mark in ledger.marks], ledger.commits) == ([6, 2], 2)
    third = await source.take(2, 2)
    assert third is not None
    record.announce(third)
    await record.begin(third)
    assert ledger.commits == 2
    record.close()
    assert [name for name, _ in ledger.last] == ["s.g", "s.h"]


async def test_a_ledger_that_cannot_be_written_stops_the_lane() -> None:
    """The commit that nobody waits for tells nobody; the lane that needs it gets the error."""
    source = ObjectSource()
    source.begin([MaintainedObject("table", "s", name, f"s.{name}") for name in "ab"], together=2, quick=[1, 2])
    ledger = MarkedLedger()

    async def fail() -> None:
        raise LedgerError("full")

    ledger.sync = fail  # type: ignore[method-assign]
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", ledger))
    batch = await source.take(2, 0)
    assert batch is not None
    record.announce(batch)
    with pytest.raises(LedgerError, match="full"):
        await record.begin(batch)


async def test_without_a_ledger_nothing_is_announced() -> None:
    """A run of --ledger none."""
    source = ObjectSource()
    source.begin([MaintainedObject("table", "s", "a", "s.a")])
    ledger = MarkedLedger(keeps=False)
    record = StartedRecord(cast("Any", SimpleNamespace(spec=READ, objects=source)), cast("Any", ledger))
    batch = await source.take(1, 0)
    assert batch is not None
    record.announce(batch)
    await record.begin(batch)
    record.stop(batch)
    assert ledger.marks == []
