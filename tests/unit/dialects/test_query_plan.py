"""The nodes of plans, as databases explain them."""

from __future__ import annotations

from bulkq.dialects.query_plan import PlanNode


def test_a_line() -> None:
    """A node in one line has its conditions, and no estimates."""
    assert PlanNode("Seq Scan on t", 1, ("Filter: a", "x"), estimate="3 rows").line == "Seq Scan on t, Filter: a, x"
