"""Plans of SQLite, read from what EXPLAIN QUERY PLAN gives."""

from __future__ import annotations

from bulkq.dialects.query_plan import PlanNode
from bulkq.dialects.sqlite_query_plan import read


def test_scans() -> None:
    """A table is called by its alias; before SQLite 3.36 the word TABLE stands in front of it."""
    rows = [
        (2, 0, 0, "SEARCH t USING INTEGER PRIMARY KEY (rowid>?)"),
        (9, 0, 0, "SCALAR SUBQUERY 1"),
        (14, 9, 0, "SCAN TABLE t AS w USING COVERING INDEX t_k"),
    ]
    assert read(rows) == (
        PlanNode(rows[0][3], 0, (), "t"),
        PlanNode("SCALAR SUBQUERY 1"),
        PlanNode(rows[2][3], 1, (), "w", True, "t_k"),
    )
