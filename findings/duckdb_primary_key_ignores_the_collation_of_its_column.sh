#!/usr/bin/env bash
# DuckDB 2.0.1: a primary key compares bytes, `=` compares by the column's collation, so one key finds two rows.
#
# A good guess: in a column with COLLATE NOCASE, 'a' and 'A' are equal, so the primary key refuses the second one, as SQLite's does.
# DuckDB takes both from a plain INSERT. `where k = 'a'` gives two rows, `count(distinct k)` counts one. INSERT ... ON CONFLICT (k), which
# looks by `=`, meets a conflict where the key itself has none, so the same row is added or not by how the INSERT is written.
# For many queries: an UPDATE or DELETE by the whole primary key may change two rows, and a set that names a row by its key is not one row.
#
# Output seen:
#   duckdb: rows 2, where k = 'a' gives 2, count(distinct k) is 1, ON CONFLICT updates
#   sqlite: rows 1, where k = 'a' gives 1, count(distinct k) is 1, ON CONFLICT updates
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import sqlite3

import duckdb

found = {}
for name, connection in (("duckdb", duckdb.connect()), ("sqlite", sqlite3.connect(":memory:"))):
    connection.execute("create table t (k varchar collate nocase primary key, n int)")
    connection.execute("insert into t values ('a', 1)")
    try:
        connection.execute("insert into t values ('A', 2)")
    except (duckdb.ConstraintException, sqlite3.IntegrityError):
        pass
    rows, equal, distinct = (
        connection.execute(sql).fetchone()[0]
        for sql in (
            "select count(*) from t",
            "select count(*) from t where k = 'a'",
            "select count(distinct k) from t",
        )
    )
    connection.execute("delete from t")
    connection.execute("insert into t values ('b', 1)")
    connection.execute("insert into t values ('B', 2) on conflict (k) do update set n = 3")
    effect = "adds a row" if connection.execute("select count(*) from t").fetchone()[0] == 2 else "updates"
    found[name] = (rows, equal, distinct, effect)
    print(f"{name}: rows {rows}, where k = 'a' gives {equal}, count(distinct k) is {distinct}, ON CONFLICT {effect}")
assert found == {"duckdb": (2, 2, 1, "updates"), "sqlite": (1, 1, 1, "updates")}, found
PY
