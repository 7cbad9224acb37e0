#!/usr/bin/env bash
# DuckDB 2.0.1 (Python package duckdb): a client that prepares a statement to learn about it cannot do so for EXPLAIN or PRAGMA:
#   Parser Error: EXPLAIN_STATEMENT is not a preparable statement
# though both run, in a READ ONLY transaction too. A PIVOT without IN, which needs two statements inside, can be prepared; its type is
# MULTI, so a client that lets statements of type SELECT pass refuses it. COPY ... TO has type COPY, runs in a READ ONLY transaction of a file
# opened read-only, and so does EXPLAIN ANALYZE COPY, whose type is EXPLAIN: it writes the file.
# Output seen: "as described". Exits 1 if one of these changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'duckdb==2.0.1'
cd "$folder"
venv/bin/python - <<'PY'
import pathlib

import duckdb

with duckdb.connect("d.duckdb") as c:
    c.execute("create table t (v varchar, n int); insert into t values ('a', 1), ('b', 2)")
c = duckdb.connect("d.duckdb", read_only=True)
c.execute("begin transaction read only")


def prepares(sql: str) -> bool:
    try:
        c.execute(f"prepare p as {sql}")
    except duckdb.ParserException as error:
        assert "is not a preparable statement" in str(error), error
        c.execute("rollback")
        c.execute("begin transaction read only")
        return False
    c.execute("deallocate p")
    return True


def kind(sql: str) -> str:
    (statement,) = c.extract_statements(sql)
    return statement.type.name


pivot = "pivot t on v using sum(n)"
assert (prepares(pivot), kind(pivot), len(c.execute(pivot).fetchall())) == (True, "MULTI", 1)
for sql, name in (("explain select 1", "EXPLAIN"), ("pragma table_info('t')", "PRAGMA")):
    assert (prepares(sql), kind(sql), len(c.execute(sql).fetchall()) > 0) == (False, name, True), sql
copy = "explain analyze copy t to 'out.csv'"
assert kind(copy) == "EXPLAIN"
c.execute(copy).fetchall()
assert pathlib.Path("out.csv").read_text().splitlines()[0] == "v,n"
print("as described")
PY
