#!/usr/bin/env bash
# DuckDB: `01/02/2026` in a CSV file is 1 February in one file and 2 January in another, by what the other rows say; without an error or a warning.
#
# DuckDB 2.0.1 (Python package duckdb), polars 2.1.0, pyarrow 26.0.1. A good guess: a date that can be read in two ways stays text, as with pyarrow, or is
# always read in the same way. read_csv takes the first form that fits all rows of its sample, day/month before month/day, so a file whose numbers are all
# below 13 is read as day/month, also if it comes from a system that writes month/day. polars knows day/month only, and leaves other files as text.
# For many queries: the daily files of a month/day system have day and month swapped until the 12th, and right dates from the 13th on. Give
# `dateformat = '%m/%d/%Y'`, or `all_varchar = true`.
#
# Output seen: what 01/02/2026 in the first row is read as, by the row behind it
#   second row      duckdb          polars, try_parse_dates     pyarrow
#   03/04/2026      2026-02-01      2026-02-01                  01/02/2026
#   13/04/2026      2026-02-01      2026-02-01                  01/02/2026
#   03/14/2026      2026-01-02      01/02/2026                  01/02/2026
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pyarrow==26.0.1' 'polars==2.1.0'
cd "$folder"

venv/bin/python - <<'PY'
from pathlib import Path

import duckdb
import polars
from pyarrow import csv

EXPECTED = {
    "03/04/2026": ["2026-02-01", "2026-02-01", "01/02/2026"],
    "13/04/2026": ["2026-02-01", "2026-02-01", "01/02/2026"],
    "03/14/2026": ["2026-01-02", "01/02/2026", "01/02/2026"],
}
found = {}
print(f"{'second row':<16}{'duckdb':<16}{'polars, try_parse_dates':<28}pyarrow")
for second in EXPECTED:
    Path("rows.csv").write_text(f"id,day\n1,01/02/2026\n2,{second}\n", encoding="utf-8")
    first = duckdb.execute("select day from 'rows.csv' where id = 1").fetchone()[0]
    found[second] = [str(first), str(polars.read_csv("rows.csv", try_parse_dates=True)["day"][0]), str(csv.read_csv("rows.csv")["day"][0])]
    print(f"{second:<16}{found[second][0]:<16}{found[second][1]:<28}{found[second][2]}")
assert found == EXPECTED, found
PY
