"""Plans of PostgreSQL, read from what EXPLAIN gives."""

from __future__ import annotations

import json

from bulkq.dialects.postgresql_query_plan import read
from bulkq.dialects.query_plan import PlanNode

SIZES = {"Plan Rows": 1000, "Total Cost": 12.5}


def test_scans() -> None:
    """A scan without a condition on its index reads the whole table; the top of a change is named by what it does."""
    table = {"Schema": "app", "Relation Name": "t"}
    by_index = {"Node Type": "Index Scan", "Index Name": "t_pkey", **table, **SIZES}
    plan = {
        "Node Type": "ModifyTable",
        "Operation": "Update",
        **SIZES,
        "Plans": [
            {"Node Type": "Seq Scan", "Filter": "(a = 1)", **table, **SIZES},
            {**by_index, "Index Cond": "(id > 1)"},
            by_index,
        ],
    }
    estimate = "1,000 rows, cost 12"
    expected = (
        PlanNode("Update", estimate=estimate),
        PlanNode("Seq Scan on app.t", 1, ("Filter: (a = 1)",), "app.t", whole=True, estimate=estimate),
        PlanNode("Index Scan using t_pkey on app.t", 1, ("Index Cond: (id > 1)",), "app.t", False, "t_pkey", estimate),
        PlanNode("Index Scan using t_pkey on app.t", 1, (), "app.t", True, "t_pkey", estimate),
    )
    found = [{"Plan": plan}, "Utility Statement"]
    assert read([(json.dumps(found),)]) == expected
    assert read([(found,)]) == expected, "some libraries read JSON themselves"
