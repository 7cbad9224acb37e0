#!/usr/bin/env bash
# pyarrow 26.0.1 and polars 2.1.0: a text column that partitions a dataset comes back as numbers, '007' as 7. DuckDB 2.0.1 keeps the text.
#
# A good guess: Parquet has types, so what pyarrow writes and reads is the same table. The values of a partition column stand only in the
# names of folders (code=007), which have no type; pyarrow infers int32 from all of them. If one folder is code=A1, all are text again, so
# the type depends on which partitions are there. Give the reader the schema: partitioning(schema, flavor="hive").
# For many queries: results written by key (postcodes, accounts) and read again do not join with the table that they came from.
#
# Output seen:
#   written                 string    ['007', '042']
#   pyarrow, pq.read_table  dictionary<values=int32, indices=int32, ordered=0> [7, 42]
#   pyarrow.dataset         int32     [7, 42]
#   polars.scan_parquet     Int64     [7, 42]
#   duckdb                  VARCHAR   ['007', '042']
#   pyarrow, one more 'A1'  string    ['007', '042', 'A1']
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyarrow==26.0.1' 'polars==2.1.0' 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import duckdb
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

table = pyarrow.table({"code": ["007", "042"], "v": [1, 2]})
pyarrow.parquet.write_to_dataset(table, "d", partition_cols=["code"])
pyarrow.parquet.write_to_dataset(table, "e", partition_cols=["code"])
pyarrow.parquet.write_to_dataset(pyarrow.table({"code": ["A1"], "v": [3]}), "e", partition_cols=["code"])
found = []


def say(name, kind, values):
    found.append((str(kind), sorted(values)))
    print(f"{name:<23} {found[-1][0]:<9} {found[-1][1]}")


read = pyarrow.parquet.read_table("d")["code"]
plain = pyarrow.dataset.dataset("d", partitioning="hive").to_table()["code"]
frame = polars.scan_parquet("d/**/*.parquet", hive_partitioning=True).collect()["code"]
mixed = pyarrow.dataset.dataset("e", partitioning="hive").to_table()["code"]
rows = duckdb.sql("select typeof(code), code from read_parquet('d/**/*.parquet')").fetchall()
say("written", table.schema.field("code").type, table["code"].to_pylist())
say("pyarrow, pq.read_table", read.type, read.to_pylist())
say("pyarrow.dataset", plain.type, plain.to_pylist())
say("polars.scan_parquet", frame.dtype, frame.to_list())
say("duckdb", rows[0][0], [code for _, code in rows])
say("pyarrow, one more 'A1'", mixed.type, mixed.to_pylist())
texts = ["007", "042"]
assert [values for _, values in found] == [texts, [7, 42], [7, 42], [7, 42], texts, [*texts, "A1"]]
assert found[2][0] == "int32" and found[4][0] == "VARCHAR"
PY
