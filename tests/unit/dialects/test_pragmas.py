"""The lists of pragmas, held against SQLite itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from bulkq.dialects import pragmas


def test_sqlite_knows_them() -> None:
    """A misspelled pragma is ignored in silence, so a name that is not known would be of no use."""
    with closing(sqlite3.connect(":memory:")) as raw:
        known = {name for (name,) in raw.execute("pragma pragma_list")}
    assert known >= pragmas.ACTING | pragmas.ANSWERING
    assert not pragmas.ACTING & pragmas.ANSWERING


def test_an_argument_that_is_a_question_changes_nothing() -> None:
    """Each of them takes the name of a table or an index."""
    with closing(sqlite3.connect(":memory:")) as raw:
        raw.execute("create table t (a integer primary key)")
        raw.execute("create index i on t (a)")
        before = raw.total_changes, raw.execute("pragma schema_version").fetchone()
        for name in sorted(pragmas.ANSWERING):
            raw.execute(f"pragma {name}({'i' if 'index_' in name and name != 'index_list' else 't'})").fetchall()
        assert (raw.total_changes, raw.execute("pragma schema_version").fetchone()) == before
