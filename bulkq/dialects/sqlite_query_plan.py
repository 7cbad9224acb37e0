"""Plans of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.query_plan import PlanCatalog, PlanNode
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from bulkq.dialects.row_key_catalog import Rows

# https://www.sqlite.org/eqp.html ; TABLE was left out from 3.36 on.
SCAN = compile_late(
    r"(SCAN|SEARCH) (?:TABLE )?(\S+)(?: AS (\S+))?(?:.* USING (?:AUTOMATIC |COVERING |PARTIAL )*INDEX (\S+))?"
)


def read(rows: Rows) -> tuple[PlanNode, ...]:
    """The nodes of `EXPLAIN QUERY PLAN`: rows of number, number of the node above it, 0, text."""
    depths: dict[object, int] = {}
    nodes = []
    for number, above, _, text in rows:
        depths[number] = depth = depths.get(above, -1) + 1
        found = SCAN.match(str(text))
        relation = (found[3] or found[2]) if found else ""
        whole = found is not None and found[1] == "SCAN"
        nodes.append(PlanNode(str(text), depth, (), relation, whole, (found[4] or "") if found else ""))
    return tuple(nodes)


CATALOG = PlanCatalog(explain="EXPLAIN QUERY PLAN {statement}", read=read)
