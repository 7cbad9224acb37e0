"""DuckDB."""

from __future__ import annotations

from bulkq.dialects.base import Dialect
from bulkq.dialects.duckdb_backfill_catalog import CATALOG as TABLES
from bulkq.dialects.duckdb_key_conversion import KEYS
from bulkq.dialects.duckdb_maintenance import MAINTENANCE

DIALECT = Dialect(
    name="duckdb",
    simple_tokens=True,
    products=frozenset({"duckdb"}),
    is_file=True,
    current_schema="current_schema()",
    tables=TABLES,
    maintenance=MAINTENANCE,
    write_locks="nothing: a change of the same rows by another transaction fails",
    dollar_parameters=True,
    question_parameters=True,
    keys=KEYS,
    is_known=True,
    marker_moment="timestamptz NOT NULL DEFAULT now()",
    # No locks at all. A key that is written, even to the same value, is a row deleted and inserted again, which only one
    # transaction may do: so a claim and a takeover cannot both commit.
    hold="UPDATE {runs} SET run = run WHERE run = {run} AND owner = {owner}",
)
