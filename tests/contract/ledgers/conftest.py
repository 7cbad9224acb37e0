"""A ledger of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.ledgers import KINDS, WITHOUT

if TYPE_CHECKING:
    from tests.support.servers.pgbouncer import PgBouncer


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place without a ledger."""
    if request.param in {"sqlite", "without"}:
        return str(tmp_path / ("ledger.db" if request.param == "sqlite" else WITHOUT))
    database: str = request.getfixturevalue("database")
    if request.param == "pgbouncer":
        pool: PgBouncer = request.getfixturevalue("pgbouncer")
        return pool.through(database)
    return database
