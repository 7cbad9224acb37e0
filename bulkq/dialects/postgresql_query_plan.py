"""Plans of PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.dialects.query_plan import PlanCatalog, PlanNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.row_key_catalog import Rows

WHOLE = frozenset({"Seq Scan", "Sample Scan"})
BY_INDEX = frozenset({"Index Scan", "Index Only Scan"})

CONDITIONS = ("Index Cond", "Recheck Cond", "TID Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter")

RELATIONS = """\
WITH RECURSIVE below(oid) AS (
    SELECT to_regclass({table})::oid
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN below ON below.oid = i.inhparent)
SELECT 'table', n.nspname || '.' || c.relname
  FROM below JOIN pg_catalog.pg_class AS c ON c.oid = below.oid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'partial', i.relname
  FROM below JOIN pg_catalog.pg_index AS x ON x.indrelid = below.oid JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
 WHERE x.indpred IS NOT NULL AND pg_relation_size(i.oid) <= 64 * 1024 * 1024"""
"""An index of some rows that is small may be read as a whole: that is quick, even if statistics are old."""


def read(rows: Rows) -> tuple[PlanNode, ...]:
    """The nodes of `EXPLAIN (FORMAT JSON, VERBOSE)`; a rule makes several plans of one statement."""
    found: Any = rows[0][0]
    plans: list[dict[str, Any]] = json.loads(found) if isinstance(found, str) else found
    return tuple(node for plan in plans if "Plan" in plan for node in _nodes(plan["Plan"], 0))


def _nodes(plan: Mapping[str, Any], depth: int) -> Iterator[PlanNode]:
    kind = str(plan["Node Type"])
    index = str(plan.get("Index Name", ""))
    relation = f"{plan['Schema']}.{plan['Relation Name']}" if {"Schema", "Relation Name"} <= plan.keys() else ""
    conditions = [f"{name}: {plan[name]}" for name in CONDITIONS if name in plan]
    whole = kind in WHOLE or (kind in BY_INDEX and "Index Cond" not in plan)
    words = [str(plan.get("Operation", kind)), *(["using", index] if index else [])]
    words += ["on", relation] if relation else []
    estimate = f"{plan['Plan Rows']:,} rows, cost {plan['Total Cost']:,.0f}"
    yield PlanNode(" ".join(words), depth, tuple(conditions), relation, whole, index, estimate)
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner, depth + 1)


CATALOG = PlanCatalog(
    explain="EXPLAIN (FORMAT JSON, VERBOSE) {statement}",
    read=read,
    careful=("SET LOCAL enable_seqscan = off",),
    relations=RELATIONS,
    hides_rows=(
        "SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.relrowsecurity AND row_security_active(c.oid) "
        "AND current_setting('row_security') = 'on' LIMIT 1"
    ),
    shows_all_rows="SET LOCAL row_security = off",
)
