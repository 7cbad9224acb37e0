#!/usr/bin/env bash
# JSON Lines whose first object lacks an optional key: pyarrow, polars and DuckDB leave that key out of the whole table, without an error.
#
# pyarrow 26.0.1, polars 2.1.0, DuckDB 2.0.1. A good guess: a reader that infers the columns takes the union of the keys, as pyarrow.json and pandas do, or
# raises when it meets a key that it does not know, as polars does for a value of another type. Table.from_pylist takes the keys of the first
# row alone; polars those of 100 rows, in DataFrame(), from_dicts, read_ndjson and scan_ndjson; DuckDB's read_json those of its sample of 20,480.
# Options help: a schema, infer_schema_length=None, sample_size = -1, pa.Table.from_struct_array(pa.array(rows)).
# For many queries: a result where only failed rows carry "error" loses just that column, and every row looks well.
#
# Output seen; the key "error" is in the last row alone; its place:         row 2      row 151    row 30,001
#   pyarrow  Table.from_pylist                                              lost       lost       lost
#   pyarrow  array(rows)                                                    kept       kept       kept
#   pyarrow  json.read_json                                                 kept       kept       kept
#   polars   DataFrame                                                      kept       lost       lost
#   polars   from_dicts                                                     kept       lost       lost
#   polars   read_ndjson                                                    kept       lost       lost
#   polars   read_ndjson, infer_schema_length=None                          kept       kept       kept
#   duckdb   read_json                                                      kept       kept       lost
#   duckdb   read_json, sample_size = -1                                    kept       kept       kept
#   polars   another type in row 151: error
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyarrow==26.0.1' 'polars==2.1.0' 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import json

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.json

READERS = {
    "pyarrow  Table.from_pylist": lambda rows: pa.Table.from_pylist(rows).column_names,
    "pyarrow  array(rows)": lambda rows: [field.name for field in pa.array(rows).type],
    "pyarrow  json.read_json": lambda rows: pyarrow.json.read_json("rows.jsonl").column_names,
    "polars   DataFrame": lambda rows: pl.DataFrame(rows).columns,
    "polars   from_dicts": lambda rows: pl.from_dicts(rows).columns,
    "polars   read_ndjson": lambda rows: pl.read_ndjson("rows.jsonl").columns,
    "polars   read_ndjson, infer_schema_length=None": lambda rows: pl.read_ndjson("rows.jsonl", infer_schema_length=None).columns,
    "duckdb   read_json": lambda rows: duckdb.sql("from read_json('rows.jsonl')").columns,
    "duckdb   read_json, sample_size = -1": lambda rows: duckdb.sql("from read_json('rows.jsonl', sample_size = -1)").columns,
}
found = {name: [] for name in READERS}
for before in (1, 150, 30000):
    rows = [{"id": number} for number in range(before)] + [{"id": before, "error": "23505"}]
    with open("rows.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    for name, read in READERS.items():
        found[name].append("kept" if "error" in read(rows) else "lost")
for name, places in found.items():
    print(f"{name:<72}{places[0]:<11}{places[1]:<11}{places[2]}")
try:
    pl.from_dicts([{"id": number} for number in range(150)] + [{"id": "text"}])
    other_type = "no error"
except (pl.exceptions.PolarsError, TypeError):
    other_type = "error"
print(f"polars   another type in row 151: {other_type}")
kept = ["kept"] * 3
assert list(found.values()) == [
    ["lost"] * 3, kept, kept, *[["kept", "lost", "lost"]] * 3, kept, ["kept", "kept", "lost"], kept,
]  # fmt: skip
assert other_type == "error"
PY
