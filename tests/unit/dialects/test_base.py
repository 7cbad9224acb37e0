"""The facts of a database, of which some are imported when they are first asked for."""

from __future__ import annotations

import pytest

from bulkq.dialects import DIALECTS, MYSQL, POSTGRESQL, maintenance_commands
from bulkq.dialects.base import Dialect
from bulkq.dialects.postgresql_backfill_catalog import CATALOG

LATE = sorted(name for name, value in vars(Dialect).items() if isinstance(value, property))


def test_what_is_imported_late_is_there() -> None:
    """Every name in `late` is a property, and its module has the value; what a database does not have is None, or no text."""
    for dialect in DIALECTS:
        assert {*dialect.late} <= {*LATE}, dialect.name
        for name in LATE:
            assert bool(getattr(dialect, name)) is (name in dialect.late), (dialect.name, name)
    assert POSTGRESQL.tables is CATALOG
    assert (MYSQL.images, MYSQL.wal_position) == (None, "")


def test_a_value_may_be_given_itself() -> None:
    """A property whose value is not a text has that value."""
    assert Dialect(name="other", late={"tables": CATALOG}).tables is CATALOG


@pytest.mark.parametrize("name", ["vacuum", "reindex", "optimize"])
def test_commands_of_maintenance_are_those_of_all_databases(name: str) -> None:
    """A command is listed once, whichever databases have it."""
    assert maintenance_commands().count(name) == 1
