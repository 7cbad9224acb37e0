"""The state of a part counts what is left."""

from __future__ import annotations

from bulkq.engine.part_state import PartState
from bulkq.sinks.discard_rows import NoSink
from bulkq.sources.iterable import MappingSource
from tests.support.parts import READ, WRITE


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
