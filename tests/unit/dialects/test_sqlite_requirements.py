"""What SQLite is asked."""

from __future__ import annotations

import sqlite3

from bulkq.dialects.sqlite_requirements import REQUIREMENTS


def test_tables_and_views_count_and_indexes_do_not() -> None:
    """The query for tables finds what can be read; SQLite has no roles."""
    assert REQUIREMENTS.table is not None
    with sqlite3.connect(":memory:") as database:
        database.executescript("CREATE TABLE t (a); CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT 1;")
        found = database.execute(REQUIREMENTS.table.sql.format(names="'t', 'i', 'v', 'w'")).fetchall()
    database.close()
    assert {*found} == {("t", None), ("v", None)}
    assert REQUIREMENTS.role is None
