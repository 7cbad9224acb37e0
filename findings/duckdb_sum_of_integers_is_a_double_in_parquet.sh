#!/usr/bin/env bash
# DuckDB 2.0.1: `COPY (SELECT sum(id) ...) TO 'x.parquet'` writes floating point, and the last digits of a large sum are wrong.
#
# A good guess: the sum of a BIGINT column is an integer in the file, exact up to 18 digits. sum() of integers is a HUGEINT, and Parquet
# has no type for it, so the writer takes DOUBLE: exact only up to 2**53, without an error or a warning. The same query gives the exact value
# as Python int, as CSV and as Arrow (decimal128(38, 0)). UHUGEINT and products that are HUGEINT do the same.
# For many queries: two exports of the same sums differ by their format; write `sum(id)::bigint` or `::decimal(38, 0)`.
#
# Output seen:
#   type in DuckDB HUGEINT, in Parquet double, in Arrow decimal128(38, 0)
#   value as Python int   9007199254740993
#   value from CSV        9007199254740993
#   value from Parquet    9007199254740992.0
#   cast to decimal(38,0) 9007199254740993
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pyarrow==26.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import pathlib

import duckdb
import pyarrow.parquet

connection = duckdb.connect()
connection.execute("create table t as select 9007199254740992::bigint as id union all select 1")
SUM = "select sum(id) as total from t"
((kind,),) = connection.execute(f"select typeof(total) from ({SUM})").fetchall()
arrow = connection.sql(SUM).to_arrow_table().schema.field("total").type
((exact,),) = connection.execute(SUM).fetchall()
connection.execute(f"copy ({SUM}) to 'x.csv' (header false)")
connection.execute(f"copy ({SUM}) to 'x.parquet'")
connection.execute("copy (select sum(id)::decimal(38, 0) as total from t) to 'y.parquet'")
table, cast = pyarrow.parquet.read_table("x.parquet"), pyarrow.parquet.read_table("y.parquet")
column = table.schema.field("total").type
text, value, right = pathlib.Path("x.csv").read_text().strip(), table["total"][0].as_py(), cast["total"][0].as_py()
print(f"type in DuckDB {kind}, in Parquet {column}, in Arrow {arrow}")
print(f"value as Python int   {exact}\nvalue from CSV        {text}\nvalue from Parquet    {value}\ncast to decimal(38,0) {right}")
assert (kind, str(column), str(arrow)) == ("HUGEINT", "double", "decimal128(38, 0)")
assert (exact, text, value, int(right)) == (9007199254740993, "9007199254740993", 9007199254740992.0, 9007199254740993)
PY
