"""Plans of MySQL and MariaDB, read from the rows of EXPLAIN."""

from __future__ import annotations

from bulkq.dialects.mysql_query_plan import read
from bulkq.dialects.query_plan import PlanNode


def test_scans() -> None:
    """A table that is read as a whole although a key is possible is small. MySQL has two more columns than MariaDB."""
    rows = [
        (1, "SIMPLE", "t", "range", "PRIMARY", "PRIMARY", "8", None, 960, "Using where"),
        (1, "SIMPLE", "t", "ALL", "PRIMARY", None, None, None, 20, ""),
        (1, "UPDATE", "t", None, "index", None, "PRIMARY", "8", None, 20, 100.0, None),
        (1, "PRIMARY", None, None, None, None, None, None, None, "No tables used"),
    ]
    assert read(rows) == (
        PlanNode("SIMPLE t type=range key=PRIMARY", 0, ("Using where",), "t", False, "PRIMARY", "960 rows"),
        PlanNode("SIMPLE t type=ALL", 0, (), "t", False, "", "20 rows"),
        PlanNode("UPDATE t type=index key=PRIMARY", 0, (), "t", True, "PRIMARY", "20 rows"),
        PlanNode("PRIMARY", 0, ("No tables used",)),
    )
