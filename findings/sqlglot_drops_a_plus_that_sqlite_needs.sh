#!/usr/bin/env bash
# sqlglot 30.30.0: its SQLite dialect takes a plus before an operand for nothing and leaves it out, of the tree and of the text that it writes. In
# SQLite the plus means something: `code` has the affinity of its column, `+code` has none, so the number 7 equals the text '7' beside the one and
# not beside the other. (It also keeps an index from being used, which is what it is often written for.) A statement that sqlglot has rewritten
# for SQLite therefore finds other rows, without a word. https://sqlite.org/datatype3.html#affinity_of_expressions
# Output seen:
#   written: select id from t where +code = 7          rows: 0
#   by sqlglot: SELECT id FROM t WHERE code = 7        rows: 1
# Exits 1 if one of these changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'sqlglot==30.30.0'
cd "$folder"
venv/bin/python - <<'PY'
import sqlite3

import sqlglot

connection = sqlite3.connect(":memory:")
connection.executescript("create table t (id integer, code text); insert into t values (1, '7')")
written = "select id from t where +code = 7"
rewritten = sqlglot.transpile(written, read="sqlite", write="sqlite")[0]
found = [len(connection.execute(sql).fetchall()) for sql in (written, rewritten)]
print(f"written: {written}          rows: {found[0]}")
print(f"by sqlglot: {rewritten}        rows: {found[1]}")
assert (rewritten, found) == ("SELECT id FROM t WHERE code = 7", [0, 1])
PY
