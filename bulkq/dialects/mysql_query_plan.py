"""Plans of MySQL and MariaDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.query_plan import PlanCatalog, PlanNode

if TYPE_CHECKING:
    from bulkq.dialects.row_key_catalog import Rows

WHOLE = frozenset({"ALL", "index"})

WITH_PARTITIONS = 12
"""Columns of the answer where it has `partitions` as its fourth."""


def read(rows: Rows) -> tuple[PlanNode, ...]:
    """The nodes of `EXPLAIN`, a row each. A table that is small is read as a whole though a key is possible, which is no fault."""
    nodes = []
    for row in rows:
        _, kind, table, *rest = row
        access, possible, key, _, _, count, *_ = rest[1:] if len(row) == WITH_PARTITIONS else rest
        words = [str(kind), *([str(table)] if table is not None else []), *([f"type={access}"] if access else [])]
        words += [f"key={key}"] if key else []
        whole = access in WHOLE and possible is None
        estimate = f"{count} rows" if count is not None else ""
        details = (str(row[-1]),) if row[-1] else ()
        nodes.append(PlanNode(" ".join(words), 0, details, str(table or ""), whole, str(key or ""), estimate))
    return tuple(nodes)


CATALOG = PlanCatalog(explain="EXPLAIN {statement}", read=read)
