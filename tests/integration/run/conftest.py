"""A target of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import targets
from tests.support.targets import KINDS, Target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of each kind, empty."""
    return targets.of_kind(request.param, request, tmp_path)


@pytest.fixture
def postgres_target(tmp_path: Path, database: str) -> Target:
    """PostgreSQL, direct."""
    return targets.make("postgresql", tmp_path, database, None)
