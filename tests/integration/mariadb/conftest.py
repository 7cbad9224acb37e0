"""A MariaDB database, through each driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.databases import fresh
from tests.support.mariadb_sessions import DRIVERS, ROWS, TABLE

if TYPE_CHECKING:
    from tests.support.databases import Database


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """A contract driver."""
    return str(request.param)


@pytest.fixture
def base(request: pytest.FixtureRequest) -> Database:
    """A database with `t`: four rows whose `n` is 0."""
    made = fresh("mariadb", request)
    made.execute(TABLE, ROWS)
    return made
