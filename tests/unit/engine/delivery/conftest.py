"""The overflow of a run, small bounds of what waits in memory, and what a delivery needs of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.engine.delivery import backlog, overflow
from bulkq.engine.delivery.overflow import Overflow
from bulkq.policy.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.engine.run_context import RunContext


@pytest.fixture
def store() -> Iterator[Overflow]:
    """The overflow of a run."""
    made = Overflow()
    yield made
    made.close()


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so small that most results go into the overflow."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 20_000)
    monkeypatch.setattr(overflow, "SEGMENT_BYTES", 30_000)
    monkeypatch.setattr(backlog, "RUN_BYTES", 5_000)


@pytest.fixture
def context() -> Iterator[RunContext]:
    """What a delivery needs of the run."""
    made = SimpleNamespace(overflow=Overflow(), progress=Progress(), locks={})
    yield cast("RunContext", made)
    made.overflow.close()
