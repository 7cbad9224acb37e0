"""The state of a part counts what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.part_state import PartState
from bulkq.model import Batch
from bulkq.sinks.discard_rows import NoSink
from bulkq.sources.iterable import MappingSource
from tests.support.parts import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_state_counts_what_is_left() -> None:
    """What is left is known where the total is."""
    source = MappingSource(READ.query, iter(()), dynamic=False)
    state = PartState(WRITE, source, NoSink(), None)  # type: ignore[arg-type]
    assert state.spec.number == 3
    assert state.remaining is None
    source.total = 5
    state.taken = 3
    assert state.remaining == 2
    state.taken = 7
    assert state.remaining == 0


async def test_the_record_is_asked_before_each_send() -> None:
    """A note is made before the first attempt, and the owner is confirmed before all."""
    asked: list[str] = []

    async def note(batch: Batch, positions: Sequence[int]) -> None:
        asked.append(f"note {len(batch.sets)} {list(positions)}")

    async def confirm() -> None:
        asked.append("confirm")

    state = PartState(WRITE, MappingSource(READ.query, iter(()), dynamic=False), NoSink(), None)  # type: ignore[arg-type]
    batch = Batch(index=0, first=1, sets=(("1",), ("2",)))
    await state.before_send(batch, (0, 1), first=True)
    state.record_started, state.confirm_owner = note, confirm
    await state.before_send(batch, (0, 1), first=True)
    await state.before_send(batch, (1,), first=False)
    assert asked == ["note 2 [0, 1]", "confirm", "confirm"]
