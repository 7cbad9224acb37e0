"""The pieces of an answer that wait: in memory, and in the overflow as soon as they weigh enough."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery import stream_backlog
from bulkq.engine.delivery.stream_backlog import Aside
from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from bulkq.engine.delivery.overflow import Overflow


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move pieces of ten bytes."""
    monkeypatch.setattr(stream_backlog, "CHUNK_BYTES", 10)


def test_pieces_come_back_in_their_order(store: Overflow) -> None:
    """Those in the overflow come first, a chunk at a time, then those in memory; reading changes nothing."""
    kept = Aside()
    for n in range(5):
        kept.add(f"piece {n}", 7, store)
    assert (len(kept.places), kept.rest, kept.weight) == (2, ["piece 4"], 7)
    assert kept.size == sum(place.size for place in kept.places) > 0
    for _ in range(2):
        assert list(kept.read(store)) == [f"piece {n}" for n in range(5)]


def test_forgetting_frees_the_overflow(store: Overflow) -> None:
    """The next attempt begins with nothing, and the disk is given back."""
    kept = Aside()
    for n in range(4):
        kept.add(n, 7, store)
    kept.forget(store)
    assert kept == Aside()
    assert list(kept.read(store)) == []
    assert store.append(b"next").offset == 0


def test_a_piece_that_cannot_be_pickled_is_not_kept(store: Overflow) -> None:
    """Everything before it is still there."""
    kept = Aside()
    kept.add("good", 7, store)
    with pytest.raises(TypeError):
        kept.add(threading.Lock(), 7, store)
    assert (list(kept.read(store)), kept.weight) == (["good"], 7)


def test_a_piece_that_the_disk_does_not_take_is_not_kept(store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do; everything before the piece is still there."""
    monkeypatch.setattr("tempfile.tempdir", "/dev/null/none")
    kept = Aside()
    kept.add("good", 7, store)
    with pytest.raises(StoppedError, match="TMPDIR"):
        kept.add("late", 7, store)
    assert list(kept.read(store)) == ["good"]
