"""Options and fixtures of the crash suite: how often to kill, which moments, which targets."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import targets
from tests.support.crash.nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.targets import Target


@pytest.fixture(autouse=True)
def _without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the coverage of processes that are killed: they are many, and other tests execute the same code."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chance(pytestconfig: pytest.Config) -> random.Random:
    """Where all moments and sizes of a test come from; a failing test shows the seed."""
    seed = pytestconfig.getoption("--crash-seed")
    if seed is None:
        seed = random.randrange(1 << 30)
    print(f"--crash-seed {seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Forks processes that die at failpoints."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A database of the kind that the test is parametrized with."""
    return targets.of_kind(request.param, request, tmp_path)
