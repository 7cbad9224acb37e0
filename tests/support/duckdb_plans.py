"""Plans that DuckDB itself makes, over one table with columns of many types."""

from __future__ import annotations

import duckdb

from bulkq.dialects.duckdb_bound_plan import BoundPlan, mark, plan_query, read_plan

BASE = duckdb.connect()
BASE.execute(
    "create table t (id int primary key, big bigint, name varchar, cased varchar collate nocase, ratio double, price decimal(12, 4), "
    "took interval, kind enum('a', 'b'), zoned timestamptz, at_ timestamp, tags varchar[])"
)


def plan(sql: str) -> BoundPlan:
    """The plan of `sql` with marks for `{}`."""
    text = sql.format(*(mark(i) for i in range(sql.count("{}"))))
    return read_plan(BASE.execute(plan_query(text)).fetchall()[0][0])
