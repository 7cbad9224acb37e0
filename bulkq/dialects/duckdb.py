"""DuckDB."""

from __future__ import annotations

from bulkq.dialects.base import Dialect

DIALECT = Dialect(
    name="duckdb",
    simple_tokens=True,
    products=frozenset({"duckdb"}),
    is_file=True,
    current_schema="current_schema()",
    write_locks="nothing: a change of the same rows by another transaction fails",
    dollar_parameters=True,
    question_parameters=True,
    is_known=True,
    marker_moment="timestamptz NOT NULL DEFAULT now()",
    # No locks at all. A key that is written, even to the same value, is a row deleted and inserted again, which only one
    # transaction may do: so a claim and a takeover cannot both commit.
    hold="UPDATE {runs} SET run = run WHERE run = {run} AND owner = {owner}",
    late={
        "tables": "duckdb_backfill_catalog:CATALOG",
        "keys": "duckdb_key_conversion:KEYS",
        "maintenance": "duckdb_maintenance:MAINTENANCE",
    },
)
