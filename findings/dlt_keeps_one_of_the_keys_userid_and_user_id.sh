#!/usr/bin/env bash
# dlt: of the keys `userId` and `user_id` of one row, one value is stored, by their order in the row. No error, no column for the other.
#
# dlt 1.31.0 with DuckDB 2.0.1. A good guess: two keys whose normalized names are equal get two columns, or are an error, as two columns of one name are in
# DuckDB's CREATE TABLE; dlt makes a column of its own (`v__v_text`) rather than lose a value of another type. Names become snake_case first, and the
# last key of each row wins. Two rows with the same keys in another order fill the column from different keys.
# For loads: JSON of a service that is changing its names, or both of `Id` and `id` from PostgreSQL, arrives with mixed values, and the count of rows is right.
# Rename before, or set the naming convention sql_cs_v1, which keeps both.
#
# Output seen:
#   {"userId": 10, "user_id": 20}  id 1, user_id 20
#   {"user_id": 21, "userId": 11}  id 2, user_id 11
#   {"user_id": 22}                id 3, user_id 22
#   columns: id user_id
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dlt==1.31.0' 'duckdb==2.0.1'
cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false HOME=$folder

venv/bin/python -W ignore - <<'PY'
import json

import dlt
import duckdb

rows = [{"id": 1, "userId": 10, "user_id": 20}, {"id": 2, "user_id": 21, "userId": 11}, {"id": 3, "user_id": 22}]
target = dlt.destinations.duckdb("t.duckdb")
pipeline = dlt.pipeline("load", destination=target, dataset_name="d", pipelines_dir="pipelines", progress=None)
pipeline.run(rows, table_name="t").raise_on_failed_jobs()
cursor = duckdb.connect("t.duckdb").execute("select * exclude (_dlt_id, _dlt_load_id) from d.t order by id")
columns = [column[0] for column in cursor.description]
found = cursor.fetchall()
for row, (number, user) in zip(rows, found):
    print(f"{json.dumps({key: row[key] for key in row if key != 'id'}):29}  id {number}, user_id {user}")
print("columns:", *columns)
assert found == [(1, 20), (2, 11), (3, 22)] and columns == ["id", "user_id"]
PY
